// The data block, and its numbers as text.
const DATA = JSON.parse(byId("data").textContent);

const inYears = (run) => run.measure === "years";
const valueText = (run, value) => (inYears(run) ? String(Math.round(value * 10) / 10) : run.groups[value]);

function errorText(run, error) {
  return inYears(run) ? `${error.toFixed(1)} years` : `${Math.round(100 * error)} % wrong`;
}

function offText(run, index) {
  if (!inYears(run)) return run.photos.error[index] ? "wrong" : "right";
  const off = run.photos.predicted[index] - run.photos.truth[index];
  return `${off < 0 ? "−" : "+"}${Math.abs(off).toFixed(1)}`;
}

const fileName = (run, index) => run.photos.photo[index].slice(run.photos.photo[index].indexOf("/") + 1);
const nameOf = (run, index) => run.photos.subject[index] || fileName(run, index);
const ageOf = (run, index) => (inYears(run) ? run.photos.truth[index] : parseInt(run.groups[run.photos.truth[index]], 10));
const everyPhoto = (run) => run.photos.photo.map((_, index) => index);

/** Shares of one photo, 0 to 1 with the largest 1, or null where the network says one number only. */
function posteriorOf(run, index) {
  if (!run.bins.length) return null;
  run.unpacked ??= Uint8Array.from(atob(run.posteriors), (character) => character.charCodeAt(0));
  const start = index * run.bins.length;
  return Array.from(run.unpacked.subarray(start, start + run.bins.length), (value) => value / 255);
}
