// The fold explorer: list, filters, and the open fold with its faces.
const MANY = 60; // cards shown before the reader asks for more

function startExplorer(view) {
  const state = { sort: { key: "error", falling: true }, filter: { wanted: "", youngest: -Infinity, oldest: Infinity }, fold: null, order: "worst", all: false };
  const headings = document.querySelector("#fold-table thead tr");
  const body = document.querySelector("#fold-table tbody");
  const detail = byId("fold");

  function showList(focused) {
    const run = view.run;
    const photos = filtered(run, state.filter);
    const folds = sortedFolds(run, photos, state.sort);
    headings.replaceChildren(...foldHeadings(run, state.sort, (key) => {
      state.sort = { key, falling: state.sort.key === key ? !state.sort.falling : key !== "name" };
      showList(key);
    }));
    if (focused) headings.querySelectorAll("button")[COLUMNS.findIndex(({ key }) => key === focused)].focus();
    body.replaceChildren(...folds.map((fold) => foldRow(run, fold, fold === state.fold, (chosen) => open(chosen, null))));
    byId("count").textContent = `${folds.length} of ${run.folds.fold.length} folds, ${photos.size.toLocaleString("en")} of ${run.photos.photo.length.toLocaleString("en")} photos`;
    return folds;
  }

  function showFold(wanted) {
    const run = view.run, fold = state.fold;
    const photos = filtered(run, state.filter);
    const inside = everyPhoto(run).filter((index) => run.photos.fold[index] === fold);
    inside.sort(ORDERS[state.order](run));
    const first = state.all || inside.indexOf(wanted) >= MANY ? inside : inside.slice(0, MANY);
    const order = make("select", { id: "fold-order" }, ...Object.entries(ORDER_NAMES).map(([key, name]) => make("option", { value: key, selected: key === state.order ? "" : null }, name)));
    order.addEventListener("change", () => { state.order = order.value; showFold(null); byId("fold-order").focus(); });
    const step = (text, by) => {
      const button = make("button", { type: "button" }, text);
      button.addEventListener("click", () => {
        const folds = sortedFolds(run, photos, state.sort);
        if (folds.length) open(folds[(folds.indexOf(fold) + by + folds.length) % folds.length], null);
      });
      return button;
    };
    const cards = make("div", { class: "cards" }, ...first.map((index) => card(run, index, { name: fileName(run, index), distribution: true })));
    cards.querySelectorAll(".card").forEach((figure) => {
      if (!photos.has(Number(figure.dataset.photo))) figure.classList.add("beside");
      if (Number(figure.dataset.photo) === wanted) figure.classList.add("wanted");
    });
    const more = make("button", { type: "button" }, `Show all ${inside.length}`);
    more.addEventListener("click", () => { state.all = true; showFold(null); });
    detail.replaceChildren(
      make("h3", {}, run.folds.name[fold]),
      make("p", { class: "note" }, `Fold ${run.folds.fold[fold]}, ${inside.length} photos, ${errorText(run, run.folds.error[fold])}${inYears(run) ? ` on average, ages ${run.folds.youngest[fold]} to ${run.folds.oldest[fold]}` : ""}`),
      make("div", { class: "steps controls" }, make("label", {}, "Order", order), step("Previous fold", -1), step("Next fold", 1)),
      distributionLegend(run), cards, ...(first.length < inside.length ? [make("p", {}, more)] : []));
  }

  function open(fold, wanted) {
    state.fold = fold;
    state.all = false;
    showList(null);
    showFold(wanted);
    body.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    detail.focus({ preventScroll: true });
    const target = detail.querySelector(".wanted") ?? detail;
    if (target.getBoundingClientRect().top < 0 || target.getBoundingClientRect().top > innerHeight * .6) target.scrollIntoView({ block: "start" });
  }

  function readFilter() {
    const bound = (id, otherwise) => (byId(id).value === "" ? otherwise : Number(byId(id).value));
    state.filter = { wanted: byId("wanted").value, youngest: bound("youngest", -Infinity), oldest: bound("oldest", Infinity) };
    showList(null);
    if (state.fold !== null) showFold(null);
  }

  byId("filters").addEventListener("input", (event) => { if (event.target.id !== "run") readFilter(); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(() => { byId("run").value = String(view.number); readFilter(); }));
  view.changed.push(() => { state.fold = null; detail.replaceChildren(make("p", { class: "note" }, "Choose a fold to see its faces.")); readFilter(); });
  showList(null);
  return { open };
}
