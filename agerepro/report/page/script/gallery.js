// The gallery: all faces by error or age, with the maps over them as strongly as the slider says.
const ORDERS = {
  worst: (run) => (a, b) => run.photos.error[b] - run.photos.error[a] || a - b,
  best: (run) => (a, b) => run.photos.error[a] - run.photos.error[b] || a - b,
  age: (run) => (a, b) => ageOf(run, a) - ageOf(run, b) || a - b,
};
const ORDER_NAMES = { worst: "largest error first", best: "least error first", age: "youngest first" };
const PAGE = 24;

function startGallery(view) {
  const place = byId("gallery-faces"), slider = byId("strength");
  let shown = PAGE;

  function show() {
    const run = view.run;
    // Where only some photos have maps, those are the gallery.
    const mapped = run.maps.length ? everyPhoto(run).filter((index) => run.maps[index]) : everyPhoto(run);
    const first = mapped.sort(ORDERS[byId("order").value](run)).slice(0, shown);
    place.replaceChildren(...first.map((index) => card(run, index, { name: nameOf(run, index), distribution: false })));
    byId("gallery-count").textContent = `${first.length} of ${mapped.length.toLocaleString("en")}`;
    byId("more").hidden = first.length === mapped.length;
  }

  function strengthen() {
    document.documentElement.style.setProperty("--map", slider.value / 100);
    byId("strength-value").textContent = `${slider.value} %`;
  }

  byId("gallery-controls").addEventListener("submit", (event) => event.preventDefault());
  byId("order").addEventListener("change", () => { shown = PAGE; show(); });
  byId("more").addEventListener("click", () => { shown += 2 * PAGE; show(); });
  slider.addEventListener("input", strengthen);
  view.changed.push(() => { shown = PAGE; show(); });
  strengthen();
  show();
}
