// Checks of a page in a browser; each gives a list of what is wrong.

function parseColor(text) {
  const parts = text.match(/[\d.]+/g).map(Number);
  return { rgb: parts.slice(0, 3), alpha: parts[3] ?? 1 };
}

function luminance(rgb) {
  const linear = rgb.map((x) => {
    x /= 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function paint(element) {
  const style = getComputedStyle(element);
  const isShape = element instanceof SVGGeometryElement;
  const text = isShape ? style.fill : style.backgroundColor;
  if (!text.startsWith("rgb")) return null;
  const color = parseColor(text);
  if (isShape) color.alpha *= style.fillOpacity;
  for (let x = element; x; x = x.parentElement) {
    color.alpha *= getComputedStyle(x).opacity;
  }
  return color;
}

// The color behind a point: all layers, blended from the top.
function backdrop(x, y, own) {
  const rgb = [0, 0, 0];
  let left = 1;
  for (const element of document.elementsFromPoint(x, y)) {
    const color = own.contains(element) ? null : paint(element);
    if (!color || element instanceof SVGTextElement) continue;
    color.rgb.forEach((v, i) => (rgb[i] += left * color.alpha * v));
    left *= 1 - color.alpha;
  }
  return rgb.map((v) => v + left * 255);
}

function lowContrast() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const wrong = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    const style = getComputedStyle(element);
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (!words || !box.width || element.closest("style")) continue;
    const isChart = element instanceof SVGElement;
    const color = parseColor(isChart ? style.fill : style.color);
    const own = isChart ? element : document.createElement("i");
    const behind = backdrop(box.x + box.width / 2, box.y + box.height / 2, own);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = contrast(color.rgb, behind);
    if (ratio < (large ? 3 : 4.5)) {
      wrong.push(`${words.slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
  }
  return wrong;
}

function wordless() {
  const hasWords = (x, name) => (x.getAttribute(name) ?? "").trim();
  return [
    ...[...document.images].filter((x) => !hasWords(x, "alt")),
    ...[...document.querySelectorAll("[role=img], [role=group]")].filter(
      (x) => !hasWords(x, "aria-label"),
    ),
    ...[...document.querySelectorAll("svg")].filter(
      (x) => !x.closest("[role=img]"),
    ),
  ].map((x) => x.outerHTML.slice(0, 80));
}

function tooWide() {
  const width = document.documentElement.clientWidth;
  const wrong = [...document.body.querySelectorAll("*")].filter(
    (x) =>
      !x.closest(".table, .wide, svg") &&
      x.getBoundingClientRect().right > width + 1,
  );
  if (document.documentElement.scrollWidth > width) wrong.push(document.body);
  return wrong.map((x) => x.outerHTML.slice(0, 80));
}

// Words of a chart that leave it, in the fonts of this machine.
function cutWords() {
  return [...document.querySelectorAll("svg text")]
    .filter((x) => {
      const [own, whole] = [x, x.closest("svg")].map((y) =>
        y.getBoundingClientRect(),
      );
      return own.left < whole.left - 2 || own.right > whole.right + 2;
    })
    .map((x) => x.textContent);
}

async function brokenImages() {
  const inCharts = [...document.querySelectorAll("svg image")].map(
    (x) => x.href.baseVal,
  );
  const wrong = [];
  for (const address of [...[...document.images].map((x) => x.src), ...inCharts]) {
    const image = new Image();
    image.src = address;
    try {
      await image.decode();
    } catch {
      wrong.push(address.slice(0, 80));
    }
  }
  return wrong;
}
