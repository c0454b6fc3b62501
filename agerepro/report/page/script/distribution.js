// The distribution of one photo: a small area over the ages, the truth as a line, the prediction as a triangle.
function distribution(run, index) {
  const shares = posteriorOf(run, index);
  const width = 132, floor = 34, edge = 4;
  const truth = run.photos.truth[index], predicted = run.photos.predicted[index];
  const bins = run.offsets.length ? run.bins.map((bin) => bin + run.offsets[index]) : run.bins;
  const ends = shares ? [bins[0], bins.at(-1)] : [0, 100];
  const low = Math.min(ends[0], truth, predicted), high = Math.max(ends[1], truth, predicted);
  const x = (value) => edge + ((value - low) / (high - low || 1)) * (width - 2 * edge);
  const description = `Predicted ${valueText(run, predicted)}, true ${valueText(run, truth)}${shares ? `; most probable is ${valueText(run, bins[shares.indexOf(Math.max(...shares))])}` : ""}.`;
  const picture = draw("svg", { class: "distribution", viewBox: `0 0 ${width} 42`, role: "img", "aria-label": description });
  picture.append(draw("line", { class: "floor", x1: edge, x2: width - edge, y1: floor, y2: floor }));
  if (shares) {
    const points = bins.map((bin, place) => `${x(bin).toFixed(1)} ${(floor - 30 * shares[place]).toFixed(1)}`);
    const mass = inYears(run)
      ? draw("path", { class: "mass", d: `M${x(bins[0])} ${floor}L${points.join("L")}L${x(bins.at(-1))} ${floor}Z` })
      : draw("g", { class: "mass" }, ...bins.map((bin, place) => draw("rect", { x: x(bin) - 4, y: floor - 30 * shares[place], width: 8, height: 30 * shares[place] })));
    picture.append(mass);
  }
  picture.append(draw("line", { class: "truth", x1: x(truth), x2: x(truth), y1: 2, y2: floor + 4 }));
  picture.append(draw("path", { class: "expected", d: `M${x(predicted).toFixed(1)} ${floor}l4 7h-8z` }));
  return picture;
}

function distributionLegend(run) {
  const area = draw("svg", { viewBox: "0 0 12 12", "aria-hidden": "true", class: "distribution-key" }, draw("rect", { width: 12, height: 12, fill: "var(--s0)", opacity: .45 }));
  const line = draw("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, draw("path", { d: "M6 0v12", stroke: "currentColor", "stroke-width": 2 }));
  const triangle = draw("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, draw("path", { d: "M6 1l5 9H1z", fill: "var(--s1)" }));
  const posterior = run.bins.length ? [area, " the network's distribution, "] : [];
  const range = `${run.bins[0]} to ${run.bins.at(-1)}`;
  const ofBins = run.offsets.length ? ` Ages ${range} years from what an earlier stage predicts.` : ` Ages ${range}.`;
  const ends = !inYears(run) ? "" : run.bins.length ? ofBins : " Ages 0 to 100.";
  return make("p", { class: "legend" }, ...posterior, line, " truth, ", triangle, ` prediction.${ends}`);
}
