// The list of folds: filtered by name and age, sorted by a column.
const COLUMNS = [
  { key: "name", heading: () => "Fold", number: false },
  { key: "photos", heading: () => "Photos", number: true },
  { key: "error", heading: (run) => (inYears(run) ? "MAE" : "Wrong"), number: true },
];

/** The photos that the filter lets through. */
function filtered(run, filter) {
  const wanted = filter.wanted.trim().toLowerCase();
  return new Set(everyPhoto(run).filter((index) => {
    const age = ageOf(run, index);
    const named = `${run.photos.subject[index]} ${fileName(run, index)} ${run.folds.name[run.photos.fold[index]]}`.toLowerCase();
    return named.includes(wanted) && age >= filter.youngest && age < filter.oldest + 1;
  }));
}

/** Numbers of the folds that hold such photos, sorted; equal ones stay in the order of folds. */
function sortedFolds(run, photos, sort) {
  const kept = [...new Set([...photos].map((index) => run.photos.fold[index]))].sort((a, b) => a - b);
  const values = run.folds[sort.key];
  const compare = sort.key === "name" ? (a, b) => String(values[a]).localeCompare(values[b], "en", { numeric: true }) : (a, b) => values[a] - values[b];
  return kept.sort((a, b) => (sort.falling ? compare(b, a) : compare(a, b)));
}

function foldHeadings(run, sort, onSort) {
  return COLUMNS.map(({ key, heading, number }) => {
    const button = make("button", { type: "button" }, heading(run));
    button.addEventListener("click", () => onSort(key));
    const direction = sort.key !== key ? "none" : sort.falling ? "descending" : "ascending";
    return make("th", { scope: "col", "aria-sort": direction, class: number ? "number" : null }, button);
  });
}

function foldRow(run, fold, isOpen, onOpen) {
  const name = make("button", { type: "button", "data-fold": fold }, run.folds.name[fold]);
  name.addEventListener("click", () => onOpen(fold));
  const error = inYears(run) ? run.folds.error[fold].toFixed(2) : `${Math.round(100 * run.folds.error[fold])} %`;
  return make("tr", { "aria-current": isOpen ? "true" : null }, make("th", { scope: "row" }, name),
    make("td", { class: "number" }, String(run.folds.photos[fold])), make("td", { class: "number" }, error));
}
