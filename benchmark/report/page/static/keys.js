"use strict";
// Keys of the images, and the list of them.

const KEYS = [
  ["→ or n", "next pair", ["ArrowRight", "n"], () => step(1)],
  ["← or p", "previous pair", ["ArrowLeft", "p"], () => step(-1)],
  ["s", "swap left and right", ["s"], () => byId("swap").click()],
  ["m, Shift+M", "next or previous picture on the right", ["m"], () => turnOver("right", 1)],
  [null, null, ["M"], () => turnOver("right", -1)],
  ["l, Shift+L", "next or previous picture on the left", ["l"], () => turnOver("left", 1)],
  [null, null, ["L"], () => turnOver("left", -1)],
  [", and .", "move the divider to the left or right", [","], () => slide(-5)],
  [null, null, ["."], () => slide(5)],
  ["d", "difference of the two", ["d"], () => press("difference")],
  ["c", "colour", ["c"], () => press("colour")],
  ["z", "next size", ["z"], () => turnSelect("zoom", 1)],
  ["t", "thumbnails: pictures or differences", ["t"], () => turnSelect("thumbnails", 1)],
  ["?", "these keys", ["?"], () => byId("help").showModal()],
];
const EVERYWHERE = ["?"];

/** Choose the next option of a select, or the one before; after the last comes the first. */
function turnSelect(id, by) {
  const select = byId(id);
  const count = select.options.length;
  if (!count) return;
  select.selectedIndex = (select.selectedIndex + by + count) % count;
  select.dispatchEvent(new Event("change"));
}

const turnOver = (side, by) => turnSelect(state.view === "worst" ? "method" : side, by);

function slide(by) {
  byId("slider").value = Number(byId("slider").value) + by;
  divide();
}

function press(id) {
  if (!byId(`${id}-label`).hidden) byId(id).click();
}

/** Whether a key means something to what has the focus: letters to menus and fields, arrows to most controls. */
function isTaken(key, target) {
  if (target.closest("select, textarea, input:not([type=checkbox], [type=range])")) return true;
  return key.startsWith("Arrow") && Boolean(target.closest("input, button, a, .wide, .zoomed"));
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]") || isTaken(key, target)) return;
  if (!byId("letters").checked && key !== "?") return;
  const found = KEYS.find(([, , keys]) => keys.includes(key));
  const here = state.view === "pairs" || EVERYWHERE.includes(key) || (state.view === "worst" && "mM".includes(key));
  if (!found || !here) return;
  event.preventDefault();
  found[3]();
});

byId("keys").replaceChildren(...KEYS.filter(([name]) => name).flatMap(([name, meaning]) =>
  [el("dt", {}, el("kbd", {}, name)), el("dd", {}, meaning)]));
for (const button of document.querySelectorAll(".help")) button.addEventListener("click", () => byId("help").showModal());
