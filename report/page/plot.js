/* Scatter plots in SVG: axes, points that the arrow keys walk through, one tooltip. */
const tip = byId('tip');
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(x + 12, innerWidth - box.width - 8)) + 'px';
  tip.style.top = (y + box.height + 24 > innerHeight ? Math.max(8, y - box.height - 12) : y + 14) + 'px';
}
const hideTip = () => { tip.hidden = true; };
addEventListener('keydown', e => { if (e.key === 'Escape') hideTip(); });
addEventListener('scroll', hideTip, { passive: true });

function describe(node, text) {
  node.setAttribute('aria-label', text.replace(/\n/g, ', '));
  node.addEventListener('mouseenter', e => showTip(text, e.clientX, e.clientY));
  node.addEventListener('mouseleave', hideTip);
  node.addEventListener('focus', () => { const b = node.getBoundingClientRect(); showTip(text, b.right, b.bottom); });
  node.addEventListener('blur', hideTip);
}

/* One tab stop; arrows, Home and End walk. columns: how far up and down go. */
function walkable(nodes, columns) {
  nodes.forEach((node, i) => {
    node.setAttribute('tabindex', i ? -1 : 0);
    node.addEventListener('keydown', e => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns || 1, ArrowUp: -(columns || 1) }[e.key];
      const to = e.key === 'Home' ? 0 : e.key === 'End' ? nodes.length - 1 : step ? i + step : -1;
      if (to < 0 || to >= nodes.length) return;
      e.preventDefault();
      node.setAttribute('tabindex', -1);
      nodes[to].setAttribute('tabindex', 0);
      nodes[to].focus();
    });
  });
}

/* A logarithmic axis from..to mapped to a..b, with ticks at 1 (and 2 and 5 where there are few decades). */
function logAxis(values, a, b, pad) {
  let low = Math.min(...values), high = Math.max(...values);
  low /= pad; high *= pad;
  const l = Math.log10(low), h = Math.log10(high), map = x => a + (Math.log10(x) - l) / (h - l) * (b - a);
  const steps = h - l < 1.2 ? [1, 1.5, 2, 3, 5, 7] : h - l < 3 ? [1, 2, 5] : [1], ticks = [];
  for (let e = Math.floor(l); e <= Math.ceil(h); e++)
    for (const s of steps) { const t = s * 10 ** e; if (t >= low && t <= high) ticks.push(t); }
  return { map, ticks, low, high };
}
const tickText = t => t >= 1e-3 && t < 1e6 ? String(Number(t.toPrecision(3))) : t.toExponential(0);

const colours = Array.from({ length: 8 }, (_, i) => `var(--c${i})`);
const shapes = [
  (x, y) => svg('circle', { cx: x, cy: y, r: 5 }),
  (x, y) => svg('rect', { x: x - 4.5, y: y - 4.5, width: 9, height: 9 }),
  (x, y) => svg('path', { d: `M${x} ${y - 6}l5.6 10h-11.2z` }),
  (x, y) => svg('path', { d: `M${x} ${y - 6.2}l6.2 6.2l-6.2 6.2l-6.2 -6.2z` }),
  (x, y) => svg('path', { d: `M${x} ${y + 6}l5.6 -10h-11.2z` }),
];
/* A colour and a shape for each of the names. */
function styles(names) {
  return new Map(names.map((n, i) => [n, { colour: colours[i % 8], shape: shapes[i % 5] }]));
}
function mark(style, x, y) {
  const node = style.shape(x.toFixed(1), y.toFixed(1));
  node.setAttribute('class', 'pt');
  node.setAttribute('fill', style.colour);
  return node;
}
for (const i in shapes) { const f = shapes[i]; shapes[i] = (x, y) => f(Number(x), Number(y)); }
function keyOf(map) {
  return el('p', { class: 'key' }, ...[...map].map(([name, s]) => el('span', { class: 'item' },
    svg('svg', { width: 14, height: 14, 'aria-hidden': 'true' }, mark(s, 7, 7)), name)));
}

/* points: {x, y, style, text}; x and y positive. extra(axes) and above(axes) give nodes that lie below
   and above the points. */
function scatter(label, points, xTitle, yTitle, options) {
  const o = Object.assign({ extraX: [], extraY: [], extra: () => [], above: () => [], tickY: tickText }, options);
  const width = Math.max(340, Math.min(1220, byId('winners').clientWidth - 2)), height = width < 600 ? 380 : 460, left = 62, bottom = 44;
  const x = logAxis(points.map(p => p.x).concat(o.extraX), left + 12, width - 18, 1.06);
  const y = logAxis(points.map(p => p.y).concat(o.extraY), height - bottom - 12, 16, 1.25);
  const every = Math.ceil(x.ticks.length / (width / 60));
  const nodes = points.map(p => { const n = mark(p.style, x.map(p.x), y.map(p.y)); describe(n, p.text); n.setAttribute('role', 'img'); return n; });
  walkable(nodes);
  return el('div', { class: 'plot' }, svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': label },
    ...x.ticks.map(t => svg('line', { class: 'grid', x1: x.map(t), x2: x.map(t), y1: 10, y2: height - bottom })),
    ...x.ticks.filter((t, i) => i % every === 0).map(t => svg('text', { class: 'soft', x: x.map(t), y: height - bottom + 17, 'text-anchor': 'middle' }, tickText(t))),
    ...y.ticks.map(t => svg('line', { class: 'grid', x1: left, x2: width - 8, y1: y.map(t), y2: y.map(t) })),
    ...y.ticks.map(t => svg('text', { class: 'soft', x: left - 6, y: y.map(t) + 4, 'text-anchor': 'end' }, o.tickY(t))),
    svg('line', { class: 'axis', x1: left, x2: width - 8, y1: height - bottom, y2: height - bottom }),
    svg('line', { class: 'axis', x1: left, x2: left, y1: 10, y2: height - bottom }),
    svg('text', { class: 'soft', x: (left + width) / 2, y: height - 8, 'text-anchor': 'middle' }, xTitle),
    svg('text', { class: 'soft', x: 14, y: (height - bottom) / 2, 'text-anchor': 'middle', transform: `rotate(-90 14 ${(height - bottom) / 2})` }, yTitle),
    ...o.extra(x, y, width), ...nodes, ...o.above(x, y, width)));
}

/* Ratios, one a line: items {name, ratio, low, high, text, style}. */
function ratios(label, items, title) {
  const width = Math.max(340, Math.min(1220, byId('winners').clientWidth - 2)), names = width < 600 ? 150 : 300, row = 19, top = 46;
  const height = top + items.length * row + 12;
  const ends = items.flatMap(i => [i.ratio, known(i.low) ? i.low : i.ratio, known(i.high) ? i.high : i.ratio]);
  const x = logAxis(ends.concat([0.9, 1.1]), names + 10, width - 20, 1.05), room = width < 600 ? 19 : 44;
  const nodes = items.map((item, i) => {
    const n = mark(item.style, x.map(item.ratio), top + i * row + row / 2);
    n.setAttribute('role', 'img');
    describe(n, item.text);
    return n;
  });
  walkable(nodes);
  const every = Math.ceil(x.ticks.length / ((width - names) / 46));
  const shown = x.ticks.filter((t, i) => i % every === 0 || t === 1);
  return el('div', { class: 'plot' + (items.length > 40 ? ' tall' : ''), tabindex: items.length > 40 ? 0 : undefined, role: 'region', 'aria-label': label },
    svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': label },
      ...shown.flatMap(t => [svg('line', { class: t === 1 ? 'one' : 'grid', x1: x.map(t), x2: x.map(t), y1: top - 6, y2: height - 6 }),
        svg('text', { class: 'soft', x: x.map(t), y: top - 12, 'text-anchor': 'middle' }, tickText(t))]),
      svg('text', { class: 'soft', x: names + 10, y: 15 }, title),
      ...items.map((item, i) => {
        const y = top + i * row + row / 2, cut = item.name.length > room ? item.name.slice(0, room - 1) + '…' : item.name;
        return svg('g', { 'aria-hidden': 'true' }, svg('text', { x: names, y: y + 4, 'text-anchor': 'end' }, cut),
          known(item.low) && known(item.high) ? svg('line', { class: 'range', stroke: item.style.colour, x1: x.map(item.low), x2: x.map(item.high), y1: y, y2: y }) : null);
      }), ...nodes));
}
