// Ties the parts together: one run is viewed at a time.
const view = { number: 0, changed: [], get run() { return DATA.runs[this.number]; } };

startTheme();
const explorer = startExplorer(view);
startScatter(view, explorer);
startGallery(view);
byId("run").addEventListener("change", (event) => {
  view.number = Number(event.target.value);
  for (const react of view.changed) react();
});
document.documentElement.dataset.ready = "yes";
