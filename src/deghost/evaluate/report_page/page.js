"use strict";
for (const scene of document.querySelectorAll(".scene")) {
  const pictures = JSON.parse(scene.querySelector("script").textContent);
  const box = scene.querySelector(".compare");
  const slider = box.querySelector("input");
  const images = box.querySelectorAll("img");
  const selects = scene.querySelectorAll("select");
  const tell = () => {
    box.style.setProperty("--at", slider.value + "%");
    slider.setAttribute("aria-valuetext", slider.value + "% " + selects[0].value);
  };
  slider.addEventListener("input", tell);
  selects.forEach((select, side) => {
    const show = () => {
      images[side].src = pictures[select.value];
      images[side].alt = select.value;
      tell();
    };
    select.addEventListener("change", show);
    new IntersectionObserver((seen, watcher) => {
      if (seen.some((entry) => entry.isIntersecting)) { watcher.disconnect(); show(); }
    }, { rootMargin: "800px" }).observe(box);
  });
}
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    const falling = head.getAttribute("aria-sort") !== "descending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.value;
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      const number = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
      return number ? x - y : String(x).localeCompare(String(y));
    };
    const rows = [...body.rows].sort(order);
    body.append(...(falling ? rows.reverse() : rows));
  });
}
