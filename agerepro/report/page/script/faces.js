// One photo as a card: its face with the map over it, truth, prediction, error.
function face(run, index) {
  const picture = run.faces === null ? "" : DATA.faces[run.faces][run.photos.photo[index]] ?? "";
  const map = run.maps[index] ?? "";
  const frame = make("div", { class: "face" });
  const whose = `${nameOf(run, index)} at ${valueText(run, run.photos.truth[index])}`;
  if (picture) frame.append(make("img", { src: `data:${DATA.mime.face};base64,${picture}`, alt: `Face of ${whose}`, width: 96, height: 96, decoding: "async" }));
  if (map) frame.append(make("img", { class: "map", src: `data:${DATA.mime.map};base64,${map}`, alt: picture ? "" : `Map of ${whose}`, width: 96, height: 96, decoding: "async" }));
  if (run.empty_maps.includes(index)) frame.append(make("span", { class: "empty-map" }, "no activation"));
  if (!picture && !map) frame.append(make("span", { "aria-hidden": "true" }, "face left out"));
  return frame;
}

function card(run, index, details) {
  const off = make("span", { class: run.photos.error[index] <= (inYears(run) ? 5 : 0) ? "off close" : "off" }, offText(run, index));
  const ages = make("p", { class: "ages" }, make("strong", {}, valueText(run, run.photos.truth[index])), ` → ${valueText(run, run.photos.predicted[index])} `, off);
  ages.setAttribute("aria-label", `truth ${valueText(run, run.photos.truth[index])}, prediction ${valueText(run, run.photos.predicted[index])}, ${offText(run, index)}`);
  return make("figure", { class: "card", "data-photo": index }, face(run, index),
    make("figcaption", {}, ages, make("span", { class: "whose" }, details.name)), ...(details.distribution ? [distribution(run, index)] : []));
}
