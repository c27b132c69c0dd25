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
  const [boxes, names, taken, high] = [[], [], [], 11 * scale];
  const name = (kind, x, heights, text) => names.push(svg("text",
    { class: kind, x, y: free(taken, x, heights, 0.6 * high * text.length, high), "font-size": high }, text));
  for (const [x0, y0, x1, y1, c] of labels) {
    boxes.push(box("truth", x0, y0, x1, y1));
    if (!found.length) name("truth", x0, [y1 + high, y0 - 3 * scale, y0 + high], classes[c]); // else they are too many to read
  }
  // The most confident ones lie on top, and are the first to get a place for their names.
  const sure = [...found].sort((a, b) => b[5] - a[5]);
  for (const [x0, y0, x1, y1, c, score] of sure) {
    name("found", x0, [y0 - 3 * scale, y0 + high, y1 + high], `${classes[c]} ${score.toFixed(2)}`);
  }
  boxes.push(...sure.reverse().map(([x0, y0, x1, y1]) => box("found", x0, y0, x1, y1)));
  target.replaceChildren(...boxes, ...names.reverse());
}

/** The first of some heights at which a text is in the picture and over no other one, or else the first. */
function free(taken, x, heights, width, high) {
  const clear = (y) => y >= high && taken.every((one) => Math.abs(one.y - y) >= high || x >= one.end || x + width <= one.x);
  const y = heights.find(clear) ?? Math.max(high, heights[0]);
  taken.push({ x, y, end: x + width });
  return y;
}

const box = (kind, x0, y0, x1, y1) => svg("rect", { class: kind, x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) });
