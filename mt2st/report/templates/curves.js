// Draws the recorded curves, filtered: no library, no network. The values are those of `report/curves.py`.
(() => {
  const data = JSON.parse(document.getElementById("curve-data").textContent);
  const root = document.getElementById("curve-explorer");
  const form = root.querySelector("form");
  const panels = root.querySelector(".panels");
  const DASHES = { "-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3" };
  const STYLES = [["#222222", "-"], ["#de8f05", "--"], ["#029e73", "-."], ["#0173b2", ":"], ["#cc78bc", "--"]];
  const REFERENCE = "original"; // the one setting of single-task learning, which no filter of settings leaves out
  const seeds = [...new Set(data.runs.map((run) => run.seed))].sort((a, b) => a - b);

  // What runs are told apart by: the names of its values, and which of them a run has.
  const KEYS = {
    strategy: { names: data.strategies.map((s) => s.label), of: (run) => run.strategy },
    setting: { names: data.settings, of: (run) => run.setting },
    embedding: { names: data.embeddings, of: (run) => run.embedding },
    seed: { names: seeds.map(String), of: (run) => seeds.indexOf(run.seed) },
  };

  function element(tag, attributes = {}, text = "") {
    const svg = ["svg", "g", "path", "line", "text"].includes(tag);
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  function buildForm() {
    const quantity = form.elements.quantity;
    data.quantities.forEach((q, i) => quantity.append(element("option", { value: i }, q.name)));
    for (const [key, { names }] of Object.entries(KEYS)) {
      const group = element("fieldset");
      group.append(element("legend", {}, key));
      names.forEach((name, i) => {
        if (key === "setting" && name === REFERENCE) return;
        const label = element("label");
        const box = element("input", { type: "checkbox", name: key, value: i });
        box.checked = true;
        label.append(box, ` ${name}`);
        group.append(label);
      });
      const all = element("button", { type: "button" }, "all or none");
      all.setAttribute("aria-label", `${key}: all or none`);
      all.addEventListener("click", () => {
        const boxes = [...group.querySelectorAll("input")];
        const on = !boxes.every((box) => box.checked);
        boxes.forEach((box) => (box.checked = on));
        draw();
      });
      group.append(all);
      form.append(group);
    }
    form.addEventListener("input", draw);
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  const mean = (values) => {
    const there = values.filter((v) => v !== null && v !== undefined);
    return there.length ? there.reduce((a, b) => a + b, 0) / there.length : null;
  };
  const byEpoch = (curves) =>
    Array.from({ length: Math.max(...curves.map((c) => c.length)) }, (_, t) => mean(curves.map((c) => c[t])));

  // One line for each value of the key in `by`: a curve for each seed, and their mean.
  function linesOf(curve) {
    const chosen = {};
    for (const key of Object.keys(KEYS)) {
      const boxes = [...form.querySelectorAll(`input[name=${key}]:checked`)];
      chosen[key] = new Set(boxes.map((box) => Number(box.value)));
    }
    const reference = data.settings.indexOf(REFERENCE);
    if (reference >= 0) chosen.setting.add(reference);
    const kept = data.runs.filter((run) => Object.entries(KEYS).every(([key, { of }]) => chosen[key].has(of(run))));
    const key = KEYS[form.elements.by.value];
    return key.names.flatMap((name, i) => {
      const runs = kept.filter((run) => key.of(run) === i);
      if (!runs.length) return [];
      const bySeed = seeds
        .map((seed) => runs.filter((run) => run.seed === seed).map((run) => run.curves[curve]))
        .filter((curves) => curves.length)
        .map((curves) => byEpoch(curves).map((v) => (v === null ? null : v / data.scale)));
      const own = data.strategies[i];
      const [colour, line] = key === KEYS.strategy ? [own.colour, own.line] : STYLES[i % STYLES.length];
      const rates = [...new Set(runs.map((run) => run.rate))].sort((a, b) => a - b);
      return [{ name, colour, dash: DASHES[line], runs: runs.length, rates, bySeed, mean: byEpoch(bySeed) }];
    });
  }

  function ticks(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const first = Math.ceil(low / step - 1e-9);
    const found = [];
    for (let k = first; k * step <= high + 1e-9; k += 1) found.push(Number((k * step).toPrecision(6)));
    return found;
  }

  // Heights of labels at the ends of lines, moved apart so that none covers another, and kept in the panel.
  function apart(heights, gap, lowest, highest) {
    const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
    const placed = [...heights];
    order.forEach((i, k) => k && (placed[i] = Math.max(placed[i], placed[order[k - 1]] + gap)));
    const over = Math.max(0, placed[order[order.length - 1]] - highest);
    order.reverse().forEach((i, k) => {
      placed[i] = Math.min(placed[i] - (k ? 0 : over), k ? placed[order[k - 1]] - gap : Infinity);
    });
    return placed.map((y) => Math.max(y, lowest));
  }

  function panel(title, lines, range, epochs, at) {
    const width = Math.max(280, Math.min(640, panels.clientWidth / (panels.clientWidth > 760 ? 2 : 1) - 12));
    const height = 300;
    const longest = Math.max(...lines.map((line) => line.name.length)); // leaves room for the names of lines
    const [left, right, top, bottom] = [46, 24 + 7.5 * longest, 28, 36];
    const x = (t) => left + (t / Math.max(1, epochs - 1)) * (width - left - right);
    const y = (v) => height - bottom - ((v - range[0]) / (range[1] - range[0])) * (height - top - bottom);
    const values = lines.map((l) => `${l.name} ${l.mean[l.mean.length - 1].toFixed(3)}`).join(", ");
    const svg = element("svg", { width, height, role: "img", "aria-label": `${title}; last epoch: ${values}` });
    const text = (px, py, anchor, content, more = {}) =>
      svg.append(element("text", { x: px, y: py, "text-anchor": anchor, ...more }, content));
    text(left, 16, "start", title, { class: "title" });
    for (const v of ticks(range[0], range[1], 5)) {
      svg.append(element("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), class: "grid" }));
      text(left - 6, y(v) + 4, "end", v);
    }
    for (const t of ticks(0, epochs - 1, 5)) text(x(t), height - bottom + 16, "middle", t);
    text((left + width - right) / 2, height - 4, "middle", "epoch");
    svg.append(element("line", { x1: x(at), x2: x(at), y1: top, y2: height - bottom, class: "cursor" }));
    const path = (curve, line, more) => {
      const points = curve.map((v, t) => (v === null ? null : `${x(t).toFixed(1)},${y(v).toFixed(1)}`));
      const d = points.filter(Boolean).map((p, k) => `${k ? "L" : "M"}${p}`).join("");
      svg.append(element("path", { d, fill: "none", stroke: line.colour, "stroke-dasharray": line.dash, ...more }));
    };
    for (const line of lines) for (const one of line.bySeed) path(one, line, { class: "seed" });
    for (const line of lines) path(line.mean, line, { class: "mean" });
    const ends = lines.map((line) => y(line.mean[line.mean.length - 1]));
    apart(ends, 15, top + 6, height - bottom).forEach((py, i) => {
      const end = x(lines[i].mean.length - 1);
      const leader = { x1: end + 1, x2: end + 12, y1: ends[i], y2: py, stroke: lines[i].colour, class: "leader" };
      svg.append(element("line", leader));
      text(end + 15, py + 4, "start", lines[i].name, { class: "end" });
    });
    return svg;
  }

  const pretty = (rates) => (rates.length > 1 ? `${rates[0]} to ${rates[rates.length - 1]}` : String(rates[0]));

  function table(titles, groups, at) {
    const made = element("table");
    const head = made.createTHead().insertRow();
    const columns = [form.elements.by.value, "runs", "seeds", "learning rate", ...titles];
    columns.forEach((name) => head.append(element("th", { scope: "col" }, name)));
    const body = made.createTBody();
    groups[0].forEach((line, i) => {
      const row = body.insertRow();
      row.append(element("th", { scope: "row" }, line.name));
      [line.runs, line.bySeed.length, pretty(line.rates)].forEach((v) => row.append(element("td", {}, v)));
      for (const lines of groups) {
        const values = lines[i].bySeed.map((one) => one[at]).filter((v) => v !== null && v !== undefined);
        const shown = values.length
          ? `${mean(values).toFixed(3)} (${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)})`
          : "–";
        row.append(element("td", {}, shown));
      }
    });
    return made;
  }

  function draw() {
    const quantity = data.quantities[form.elements.quantity.value];
    const groups = quantity.panels.map((p) => linesOf(p.curve));
    const status = root.querySelector("[role=status]");
    const values = groups.flat().flatMap((line) => line.bySeed.flat()).filter((v) => v !== null && v !== undefined);
    panels.replaceChildren();
    root.querySelector(".values").replaceChildren();
    if (!values.length) {
      status.textContent = "No run is chosen: tick at least one embedding, strategy, setting and seed.";
      return;
    }
    const epochs = Math.max(...groups.flat().map((line) => line.mean.length));
    const slider = form.elements.epoch;
    slider.max = epochs - 1;
    const at = Math.min(Number(slider.value), epochs - 1);
    form.querySelector("output").textContent = at;
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const margin = 0.04 * (high - low || 1);
    const range = [low - margin, high + margin];
    quantity.panels.forEach((p, i) => panels.append(panel(p.title, groups[i], range, epochs, at)));
    root.querySelector(".values").append(table(quantity.panels.map((p) => p.title), groups, at));
    const count = groups[0].reduce((sum, line) => sum + line.runs, 0);
    status.textContent = `${count} of ${data.runs.length} runs; epoch ${at}: mean, smallest and largest seed`;
  }

  buildForm();
  root.hidden = false;
  form.elements.epoch.max = Math.max(...data.runs.map((run) => run.curves[0].length)) - 1;
  form.elements.epoch.value = form.elements.epoch.max;
  draw();
  let width = window.innerWidth; // on a phone, scrolling changes the height of the window alone
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) draw();
    width = window.innerWidth;
  });
})();
