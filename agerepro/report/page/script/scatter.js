// Predicted against true age: points that say whose they are and open their fold, by mouse, finger or arrow keys.
function startScatter(view, explorer) {
  const place = byId("scatter-plot");
  if (!place) return;

  function show() {
    const run = view.run;
    byId("scatter").hidden = !inYears(run);
    if (!inYears(run)) return;
    byId("scatter-title").textContent = `Predicted against true age${DATA.runs.length > 1 ? `: ${run.label}` : ""}`;
    place.replaceChildren(plot(run));
  }

  function plot(run) {
    const { truth, predicted, error } = run.photos;
    const left = 40, right = 408, top = 24, bottom = 392;
    const everything = [...truth, ...predicted];
    const low = Math.min(0, Math.floor(everything.reduce((a, b) => Math.min(a, b)) / 10) * 10);
    const high = Math.ceil((everything.reduce((a, b) => Math.max(a, b)) + 1) / 10) * 10;
    const x = (years) => left + ((years - low) / (high - low)) * (right - left);
    const y = (years) => bottom - ((years - low) / (high - low)) * (bottom - top);
    const rising = everyPhoto(run).sort((a, b) => error[a] - error[b] || a - b);
    const label = `${rising.length} photos, predicted age against true age. The arrow keys move along them, Enter opens a photo's fold.`;
    const picture = draw("svg", { class: "chart", viewBox: "0 0 420 430", tabindex: 0, role: "application", "aria-label": label });
    picture.append(draw("path", { class: "near", d: `M${x(low)} ${y(low)}V${y(low + 5)}L${x(high - 5)} ${y(high)}H${x(high)}V${y(high - 5)}L${x(low + 5)} ${y(low)}Z` }));
    for (let years = low; years <= high; years += high - low > 60 ? 20 : 10) {
      picture.append(draw("line", { class: "grid", x1: x(years), x2: x(years), y1: top, y2: bottom }), draw("line", { class: "grid", x1: left, x2: right, y1: y(years), y2: y(years) }),
        draw("text", { x: x(years), y: bottom + 15, "text-anchor": "middle" }, String(years)), draw("text", { x: left - 6, y: y(years) + 4, "text-anchor": "end" }, String(years)));
    }
    picture.append(draw("line", { class: "exact", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }),
      draw("text", { class: "axis", x: (left + right) / 2, y: bottom + 31, "text-anchor": "middle" }, "True age (years); grey: at most five years off"),
      draw("text", { class: "axis", x: 10, y: 14 }, "Predicted age (years)"));
    const dots = rising.map((index) => draw("circle", { class: "photo", cx: x(truth[index]).toFixed(1), cy: y(predicted[index]).toFixed(1), r: 3.4 }));
    picture.append(...dots);
    let at = -1;
    const choose = (next) => {
      if (at >= 0) dots[at].classList.remove("chosen");
      at = (next + dots.length) % dots.length;
      dots[at].classList.add("chosen");
      describe(run, rising[at]);
    };
    const nearest = (event) => {
      const box = picture.getBoundingClientRect(), unit = 420 / box.width;
      const px = (event.clientX - box.left) * unit, py = (event.clientY - box.top) * unit;
      const far = rising.map((index) => (x(truth[index]) - px) ** 2 + (y(predicted[index]) - py) ** 2);
      const least = far.indexOf(far.reduce((a, b) => Math.min(a, b)));
      return far[least] < 400 ? least : -1;
    };
    const openChosen = () => { if (at >= 0) explorer.open(run.photos.fold[rising[at]], rising[at]); };
    picture.addEventListener("pointermove", (event) => { const dot = nearest(event); if (dot >= 0 && dot !== at) choose(dot); });
    picture.addEventListener("click", (event) => { const dot = nearest(event); if (dot >= 0) { choose(dot); openChosen(); } });
    picture.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (by) { event.preventDefault(); choose(at < 0 ? (by > 0 ? 0 : -1) : at + by); }
      if (event.key === "Enter") openChosen();
    });
    return picture;
  }

  function describe(run, index) {
    const description = `${nameOf(run, index)}: ${valueText(run, run.photos.truth[index])} years, predicted ${valueText(run, run.photos.predicted[index])} (${offText(run, index)})`;
    byId("scatter-photo").replaceChildren(face(run, index), make("p", {}, description, make("br"), fileName(run, index)));
  }

  view.changed.push(show);
  show();
}
