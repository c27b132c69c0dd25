"use strict";
// The images: two pictures of a pair behind one divider, with what each scores.

let natural = [4, 3]; // size of the picture shown
let turn = 0; // of drawing: what arrives for an earlier one is dropped

const layers = () => [byId("layer-left"), byId("layer-right")];

/** What can be looked at: sources and methods with pictures, then those with scores alone. */
function choices(place, table) {
  const found = place.columns.map(({ method, title, source }) => ({ method, title, source }));
  for (const row of table?.rows ?? []) {
    if (!found.some(({ method }) => method === row.method)) found.push({ method: row.method, title: row.title });
  }
  return found;
}

/** Chosen names that are not there become the first source and the best method that is no simple baseline. */
function settlePairs(place, table, options) {
  const known = (method) => options.some((one) => one.method === method);
  if (!known(state.left)) state.left = options[0]?.method ?? "";
  if (!known(state.right)) {
    const methods = options.filter((one) => !one.source && one.method !== state.left);
    const best = table && bestRow({ rows: table.rows.filter((row) => methods.some(({ method }) => method === row.method)) });
    state.right = (best ?? methods[0] ?? options[options.length - 1])?.method ?? "";
  }
  if (!place.ids.includes(state.id)) state.id = place.pictured[0] ?? place.ids[0] ?? "";
}

function drawPairs() {
  turn += 1;
  byId("copied").textContent = "";
  const place = currentPlace();
  if (!place) return;
  const { table, number } = currentTable();
  const options = choices(place, table);
  settlePairs(place, table, options);
  byId("pairs-title").textContent = place.caption;
  byId("pairs-lead").textContent = lead(place);
  byId("pairs-notes").replaceChildren(...place.notes.map((note) => el("li", {}, note)));
  for (const side of ["left", "right"]) {
    const named = (source) => options.filter((one) => Boolean(one.source) === source).map((one) => [one.method, one.title]);
    fillGroups(byId(side), [["Sources", named(true)], ["Methods", named(false)]], state[side]);
  }
  const hasColour = place.columns.some((column) => "colour" in column.lacks);
  byId("colour-label").hidden = !hasColour;
  drawOrder(table);
  drawPictures(place, options);
  drawObjects(place);
  drawScores(place, table, number, options);
}

function lead(place) {
  if (!place.ids.length) return "Not one pair of this split was fused; the Leaderboard says why.";
  const count = plural(place.ids.length, "pair");
  if (!place.pictured.length) return `${count}. This page holds no pictures of them.`;
  return place.pictured.length === place.ids.length ? count : `${count}, ${place.pictured.length} with pictures`;
}

// The strip of all pairs.

const WORST = "worst";

/** Orders of the pairs; those by a metric are `m:` and its name. */
function drawOrder(table) {
  const metrics = (table?.metrics ?? []).filter((metric) => metric.direction);
  const orders = [["", "as in the split"], ...(table?.compared ? [[WORST, "where right loses most"]] : []),
    ...metrics.map((m) => [`m:${m.name}`, `right ahead of left in ${m.name}`])];
  if (!orders.some(([key]) => key === state.order)) state.order = "";
  fill(byId("order"), orders, state.order);
}

/** The ids in the order chosen, of those with pictures, if any has, and the one that is looked at. */
function orderedIds(place, table, scores, worst) {
  const pictured = new Set(place.pictured);
  const ids = place.ids.filter((id) => !pictured.size || pictured.has(id) || id === state.id);
  const metric = table ? metricAt(table, state.order) : -1;
  const sides = [state.left, state.right].map((method) => table?.rows.findIndex((row) => row.method === method) ?? -1);
  if (worst && state.order === WORST && sides[1] >= 0) {
    const lost = new Map(worst.rows[sides[1]].cases.map(([k], number) => [worst.ids[k], number]));
    return ids.sort((a, b) => (lost.get(a) ?? lost.size) - (lost.get(b) ?? lost.size));
  }
  if (!scores || metric < 0 || sides.includes(-1)) return ids;
  const gain = new Map(scores.ids.map((id, k) => {
    const [left, right] = sides.map((side) => value(scores.values[side][metric][k]));
    return [id, table.metrics[metric].direction * (right - left)];
  }));
  const of = (id) => (Number.isNaN(gain.get(id) ?? NaN) ? -Infinity : gain.get(id));
  return ids.sort((a, b) => of(b) - of(a));
}

function drawStrip(place, table, scores, worst) {
  const strip = byId("strip");
  const ids = orderedIds(place, table, scores, worst);
  const differences = byId("thumbnails").value === "difference";
  const signature = JSON.stringify([place.name, ids, differences && [state.left, state.right]]);
  if (strip.dataset.holds !== signature) {
    strip.dataset.holds = signature;
    const thumbs = new Map(place.thumbs.map(([number, method]) => [place.pictured[number], method]));
    const thumb = (id) => (thumbs.has(id) ? lazy(address("thumbs", place.name, thumbs.get(id), `${id}.jpg`)) : null);
    strip.replaceChildren(...ids.map((id) => el("button", { type: "button", "data-id": id, title: id, onclick: () => change({ id }) },
      differences ? differenceOf(place, state.left, state.right, id) : thumb(id), el("span", {}, id))));
  }
  for (const button of strip.children) {
    const current = button.dataset.id === state.id;
    button.tabIndex = current ? 0 : -1;
    if (current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    if (current) {
      strip.scrollLeft = button.offsetLeft - (strip.clientWidth - button.clientWidth) / 2;
      strip.scrollTop = button.offsetTop - (strip.clientHeight - button.clientHeight) / 2;
    }
  }
}

/** Go to the next pair of the strip, or the one before. */
function step(by) {
  const ids = [...byId("strip").children].map((button) => button.dataset.id);
  const next = ids[ids.indexOf(state.id) + by];
  if (next !== undefined) change({ id: next });
}

byId("strip").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  step(by);
  byId("strip").querySelector('[aria-current="true"]')?.focus();
});

const lazy = (src, alt = "") => el("img", { src, alt, loading: "lazy", decoding: "async" });

/** The difference of two pictures of a pair, made of the pictures themselves; null where the page lacks one. */
function differenceOf(place, one, other, id, alt = "") {
  const sources = [one, other].map((method) => picture(place, method, id, ["fused"]));
  if (sources.includes(undefined)) return null;
  return el("span", { class: "difference", role: alt ? "img" : null, "aria-label": alt || null }, ...sources.map((source) => lazy(source)));
}

// The two pictures.

/** The address of a picture of the first kind that there is; undefined where the page has none. */
function picture(place, method, id, kinds = byId("colour").checked ? ["colour", "fused"] : ["fused"]) {
  const column = place.columns.find((one) => one.method === method);
  const number = place.pictured.indexOf(id);
  if (!column || number < 0) return undefined;
  const has = (kind) => kind in column.lacks && !column.lacks[kind].includes(number);
  const kind = kinds.find(has);
  return kind && address("pictures", place.name, method, kind, `${id}.png`);
}

function drawPictures(place, options) {
  const lacking = [];
  let shown = 0;
  ["left", "right"].forEach((side, i) => {
    const title = options.find((one) => one.method === state[side])?.title ?? "";
    const image = layers()[i].querySelector("img");
    const source = picture(place, state[side], state.id);
    byId(`chip-${side}`).textContent = title;
    byId(`chip-${side}`).hidden = !title;
    layers()[i].hidden = !source;
    if (source) shown += 1;
    if (source && image.getAttribute("src") !== source) image.src = source;
    if (!source) image.removeAttribute("src");
    image.alt = `${title}, ${state.id}`;
    if (!source && title) lacking.push(title);
  });
  byId("no-picture").hidden = !lacking.length;
  byId("no-picture").textContent = lacking.length === 2 || state.left === state.right
    ? "No pictures of this pair in this page." : `No picture of ${lacking[0]}.`;
  byId("frame").hidden = !shown;
  byId("difference-label").hidden = shown < 2;
  const differs = shown === 2 && byId("difference").checked;
  byId("frame").classList.toggle("difference", differs);
  byId("slider").hidden = !shown || differs;
  layOut();
}

function layOut() {
  const [frame, stage, zoom] = [byId("frame"), byId("stage"), Number(byId("zoom").value)];
  frame.style.aspectRatio = `${natural[0]} / ${natural[1]}`;
  frame.style.width = zoom
    ? `${(natural[0] * zoom) / devicePixelRatio}px` : `min(100%, calc(clamp(16rem, 100vh - 26rem, 75vh) * ${natural[0] / natural[1]}))`;
  stage.classList.toggle("zoomed", zoom > 0);
  frame.classList.toggle("pixels", zoom > 1);
  divide();
}

/** Put the divider where the slider says, within what is seen of the pictures. */
function divide() {
  const [frame, stage, slider] = [byId("frame"), byId("stage"), byId("slider")];
  const seen = Math.min(frame.clientWidth, stage.clientWidth);
  frame.style.setProperty("--x", `${stage.scrollLeft + (seen * slider.value) / 100}px`);
  slider.style.width = `${seen + 16}px`; // the middle of its knob reaches both edges
  slider.setAttribute("aria-valuetext", `${slider.value} % left`);
}

for (const layer of layers()) {
  layer.querySelector("img").addEventListener("load", ({ target }) => {
    natural = [target.naturalWidth, target.naturalHeight];
    layOut();
  });
}

byId("slider").addEventListener("input", divide);
byId("stage").addEventListener("scroll", divide);
new ResizeObserver(() => { divide(); redrawBoxes(); }).observe(byId("stage"));

function drag(event) {
  const frame = byId("frame").getBoundingClientRect();
  const stage = byId("stage").getBoundingClientRect();
  const left = Math.max(frame.left, stage.left);
  const seen = Math.min(byId("frame").clientWidth, byId("stage").clientWidth);
  byId("slider").value = (100 * (event.clientX - left)) / seen;
  divide();
}

byId("frame").addEventListener("pointerdown", (event) => {
  // A finger moves an enlarged picture, and the divider otherwise.
  if (event.button || (event.pointerType === "touch" && byId("zoom").value !== "0")) return;
  byId("frame").setPointerCapture(event.pointerId);
  drag(event);
});
byId("frame").addEventListener("pointermove", (event) => {
  if (byId("frame").hasPointerCapture(event.pointerId)) drag(event);
});

for (const side of ["left", "right"]) byId(side).addEventListener("change", (event) => change({ [side]: event.target.value }));
byId("swap").addEventListener("click", () => change({ left: state.right, right: state.left }));
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
for (const id of ["colour", "difference", "thumbnails"]) byId(id).addEventListener("change", () => draw());
byId("order").addEventListener("change", (event) => change({ order: event.target.value }));
byId("copy").addEventListener("click", () => copyLink());

/** Put the address into the clipboard, or where it can be copied from. */
async function copyLink() {
  const copied = byId("copied");
  try {
    await navigator.clipboard.writeText(location.href);
    copied.textContent = "Copied.";
  } catch {
    const field = el("input", { readonly: true, value: location.href, "aria-label": "Link to this pair" });
    copied.replaceChildren(field);
    field.select();
  }
}
byId("zoom").addEventListener("change", () => { layOut(); redrawBoxes(); });

// Objects.

let boxes; // those of the image that is looked at

function drawObjects(place) {
  const list = boxChoices(place.dataset);
  boxes = undefined;
  byId("boxes").hidden = !list.length;
  redrawBoxes();
  if (!list.length) return;
  if (!list.some(([key]) => key === state.boxes)) [[state.boxes]] = list;
  fill(byId("setup"), list, state.boxes);
  const mine = turn;
  boxesOf(state.boxes, state.id, [state.left, state.right]).then((found) => {
    if (mine !== turn) return;
    boxes = found;
    redrawBoxes();
  }, (error) => { byId("counted").textContent = error.message; });
}

function redrawBoxes() {
  const least = Number(byId("confidence").value) / 100;
  byId("confidence-shown").textContent = least.toFixed(2);
  const counts = [];
  layers().forEach((layer, i) => {
    const target = layer.querySelector("svg");
    target.replaceChildren();
    if (!boxes) return;
    const sure = boxes.sides[i]?.filter(([, , , , , score]) => score >= least);
    const scale = boxes.size[0] / Math.max(1, byId("frame").clientWidth);
    drawBoxes(target, boxes.size, boxes.classes, byId("labels").checked ? boxes.labels : [],
      byId("found").checked && sure ? sure : [], scale);
    counts.push(sure ? plural(sure.length, "detection") : "not evaluated");
  });
  byId("counted").textContent = boxes
    ? `${plural(boxes.labels.length, "label")}; left ${counts[0]}, right ${counts[1]}.` : "This image is not in the test part.";
}

for (const id of ["labels", "found"]) byId(id).addEventListener("change", redrawBoxes);
byId("confidence").addEventListener("input", redrawBoxes);
byId("setup").addEventListener("change", (event) => change({ boxes: event.target.value }));

// Scores of the pair.

function drawScores(place, table, number, options) {
  byId("image-title").textContent = state.id && `Pair ${state.id}`;
  drawStrip(place, table, provided.get(`scores-${number}`), provided.get(`worst-${number}`));
  byId("scores").tHead.replaceChildren();
  byId("scores").tBodies[0].replaceChildren();
  byId("scores-hint").textContent = table ? "" : "These images were not scored.";
  if (!table) return;
  const mine = turn;
  const worst = state.order === WORST ? load(`worst-${number}`) : undefined;
  Promise.all([load(`scores-${number}`), worst]).then(([scores, lost]) => {
    if (mine !== turn) return;
    drawStrip(place, table, scores, lost);
    const titles = [state.left, state.right].map((method) => options.find((one) => one.method === method)?.title ?? "");
    byId("scores").tHead.replaceChildren(el("tr", {}, ...["Metric", ...titles, "Best here"].map((text) => el("th", { scope: "col" }, text))));
    byId("scores").tHead.rows[0].lastElementChild.className = "name";
    const k = scores.ids.indexOf(state.id);
    byId("scores").tBodies[0].replaceChildren(...table.metrics.map((metric, i) => scoreRow(table, scores, metric, i, k)));
    byId("scores-hint").textContent = k < 0 ? "This pair was not scored." : `Protocol ${table.protocol}; place of ${table.entered} on this pair.`;
  }, (error) => { if (mine === turn) byId("scores-hint").textContent = error.message; });
}

function scoreRow(table, scores, metric, i, k) {
  const digits = digitsOf(table, i);
  const all = table.rows.map((row, r) => [row, k < 0 ? undefined : value(scores.values[r][i][k])]).filter(([, v]) => v !== undefined);
  const ranked = all.filter(([row]) => !row.reference && table.rows.indexOf(row) < table.ranked).sort((a, b) => metric.direction * (b[1] - a[1]));
  const cells = [state.left, state.right].map((method) => {
    const found = all.find(([row]) => row.method === method);
    if (!found) return el("td", {}, "—");
    const better = ranked.filter(([, v]) => metric.direction * (v - found[1]) > 0).length;
    const placed = metric.direction && ranked.includes(found);
    return el("td", { class: placed && !better ? "best" : null }, written(found[1], digits),
      placed ? el("small", { title: `place ${better + 1} of ${ranked.length}` }, ` ${better + 1}.`) : null);
  });
  const best = metric.direction && ranked.length ? `${ranked[0][0].title} ${written(ranked[0][1], digits)}` : "—";
  return el("tr", {}, el("th", { scope: "row" }, typeset(metric), ARROWS[metric.direction]), ...cells, el("td", { class: "name" }, best));
}
