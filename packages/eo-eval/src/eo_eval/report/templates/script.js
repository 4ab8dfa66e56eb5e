"use strict";
// Charts: the values under the pointer.
for (const chart of document.querySelectorAll(".chart")) {
  const curves = [...chart.querySelectorAll(".values")].map((group) => ({
    name: group.dataset.name,
    points: group.dataset.points.split(";").map((point) => point.split(",")),
  }));
  const reading = chart.parentElement.querySelector(".reading");
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", 10);
  cursor.setAttribute("y2", 184);
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    const nearest = (points) => points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a));
    const found = curves.map((curve) => [curve.name, nearest(curve.points)]);
    cursor.setAttribute("x1", found[0][1][0]);
    cursor.setAttribute("x2", found[0][1][0]);
    chart.append(cursor);
    const named = found.length > 1 ? (name) => name + " " : () => "";
    reading.textContent = chart.dataset.axis + " " + found[0][1][2] + ": " + found.map(([name, p]) => named(name) + p[3]).join(", ");
  });
  chart.addEventListener("pointerleave", () => {
    cursor.remove();
    reading.textContent = "";
  });
}
// Maps: what a picture shows, one class at a time, pictures or dots.
for (const view of document.querySelectorAll(".embedding")) {
  const map = view.querySelector(".map");
  const saying = view.querySelector(".saying");
  const hint = saying.textContent;
  map.addEventListener("pointerover", (event) => {
    saying.textContent = event.target.dataset.text || hint;
  });
  map.addEventListener("pointerleave", () => (saying.textContent = hint));
  const chips = view.querySelectorAll(".chip[data-kind]");
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      for (const other of chips) other.setAttribute("aria-pressed", String(on && other === chip));
      map.toggleAttribute("data-focus", on);
      for (const item of map.children) item.classList.toggle("focus", item.dataset.kind === chip.dataset.kind);
    });
  }
  const dots = view.querySelector(".chip.as-dots");
  dots.addEventListener("click", () => dots.setAttribute("aria-pressed", String(map.classList.toggle("dots"))));
}
