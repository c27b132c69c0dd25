"use strict";
// Labels and detections over the two pictures.

/** What can be drawn for a data set: [key, text] per setup and seed. */
function boxChoices(dataset) {
  return data("index").setups.flatMap((setup, k) => {
    if (setup.dataset !== dataset) return [];
    const seeds = [...new Set(setup.runs.map((run) => run.seed))].sort((a, b) => a - b);
    const choices = seeds.length ? seeds : [""];
    return choices.map((seed) => [`${k}/${seed}`, `${setup.title}, ${setup.division}${seed === "" ? "" : `, seed ${seed}`}`]);
  });
}

/** Boxes of an image: {size, labels, sides: detections of each method or undefined}; undefined where it has none. */
async function boxesOf(choice, id, methods) {
  const [k, seed] = choice.split("/");
  const truth = await load(`truth-${k}`);
  truth.places ??= new Map(truth.ids.map((one, place) => [one, place]));
  const place = truth.places.get(id);
  if (place === undefined) return undefined;
  const runs = data("index").setups[k].runs;
  const sides = await Promise.all(methods.map(async (method) => {
    const n = runs.findIndex((run) => run.method === method && String(run.seed) === seed);
    return n < 0 ? undefined : (await load(`boxes-${k}-${n}`))[place];
  }));
  return { size: truth.sizes[place], labels: truth.boxes[place], sides, classes: data("index").setups[k].classes };
}

/** Draw into the SVG of a picture; scale: picture's pixels per pixel of the screen. */
function drawBoxes(target, size, classes, labels, found, scale) {
  target.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
  const drawn = [];
  for (const [x0, y0, x1, y1, c] of labels) {
    drawn.push(box("truth", x0, y0, x1, y1));
    // Names over names cannot be read.
    if (!found.length) drawn.push(tag("truth", x0, y1, 11 * scale, 11 * scale, classes[c]));
  }
  for (const [x0, y0, x1, y1, c, score] of found) {
    drawn.push(box("found", x0, y0, x1, y1), tag("found", x0, y0, -3 * scale, 11 * scale, `${classes[c]} ${score.toFixed(2)}`));
  }
  target.replaceChildren(...drawn);
}

const box = (kind, x0, y0, x1, y1) => svg("rect", { class: kind, x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) });
const tag = (kind, x, y, down, size, text) => svg("text", { class: kind, x, y: Math.max(size, y + down), "font-size": size }, text);
