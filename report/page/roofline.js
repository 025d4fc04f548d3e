/* Panel: GFLOP/s over intensity, below the roofs that were measured in the same run. */
let everyRow = false;
const levelNames = ['compute', 'L1', 'L2', 'L3', 'DRAM'];
const intensityOf = r => known(r.intensity) ? r.intensity : r.gflops * 1e9 / r.bytes_per_second;

/* name, and GFLOP/s as a function of intensity. */
function roofsOf(context) {
  const roofs = [];
  for (const key in context) {
    const peak = /^peak_gflops_(.+)_threads_(\d+)$/.exec(key), band = /^bandwidth_(.+)_read$/.exec(key), value = Number(context[key]);
    if (!(value > 0)) continue;
    if (peak && peak[2] === state.threads && (!state.isa || peak[1] === state.isa)) roofs.push({ name: `${peak[1]} FMA peak, ${figure(value)} GFLOP/s`, flat: value });
    if (band) roofs.push({ name: `${band[1]} ${figure(value)} GB/s`, slope: value });
  }
  return roofs;
}
function drawRoofline() {
  const rows = chosen(), shown = (everyRow ? rows : winnersOf(rows).map(w => w.first)).filter(r => known(r.gflops) && known(intensityOf(r)));
  const box = el('input', { type: 'checkbox' });
  box.checked = everyRow;
  box.addEventListener('change', () => { everyRow = box.checked; drawRoofline(); byId('roofline-body').querySelector('input').focus(); });
  const controls = el('div', { class: 'controls' }, el('label', { class: 'check' }, box, 'every kernel, not only the fastest'));
  if (!shown.length) return fill('roofline-body', controls, nothing('Nothing that these filters leave has operations and bytes to draw.'));
  const roofs = roofsOf(run().context), flats = roofs.filter(r => r.flat), slopes = roofs.filter(r => r.slope);
  const top = Math.max(0, ...flats.map(r => r.flat)), map = styles(unique(shown.map(r => r.op)));
  /* Where a slope begins and ends on the plot; null: outside of it. */
  const span = (r, x, y) => {
    const to = Math.min(x.high, top / r.slope), from = Math.max(x.low, y.low / r.slope);
    return to > from ? { x1: x.map(from), y1: y.map(from * r.slope), x2: x.map(to), y2: y.map(to * r.slope) } : null;
  };
  const lines = (x, y) => [
    ...flats.map(r => svg('line', { class: 'roof', x1: x.map(x.low), x2: x.map(x.high), y1: y.map(r.flat), y2: y.map(r.flat) })),
    ...slopes.map(r => span(r, x, y)).filter(s => s).map(s => svg('line', { class: 'roof', ...s }))];
  const names = (x, y, width) => [
    ...flats.map(r => svg('text', { class: 'roof-name', x: width - 22, y: y.map(r.flat) - 5, 'text-anchor': 'end' }, r.name)),
    ...slopes.filter(r => span(r, x, y)).map(r => {
      const s = span(r, x, y), turn = Math.atan2(s.y2 - s.y1, s.x2 - s.x1) * 180 / Math.PI;
      const px = s.x1 + 26, py = s.y1 + Math.tan(turn * Math.PI / 180) * 26 - 5;
      return svg('text', { class: 'roof-name', x: px, y: py, transform: `rotate(${turn} ${px} ${py})` }, r.name);
    })];
  const heads = [['Problem'], ['Kernel'], ['FLOP/byte', 'n'], ['GFLOP/s', 'n'], ['% of roof', 'n'], ['bound by']];
  fill('roofline-body', controls, keyOf(map), scatter('Roofline', shown.map(r => ({ x: intensityOf(r), y: r.gflops, style: map.get(r.op),
    text: `${r.op} ${r.problem}\n${r.kernel}\n${figure(r.gflops)} GFLOP/s at ${figure(intensityOf(r))} FLOP/byte` +
      (known(r.roof_pct) ? `\n${figure(r.roof_pct)}% of its roof (${levelNames[r.roof_level] || '?'})` : '') })),
  'FLOP / byte', 'GFLOP/s', { extraY: flats.map(r => r.flat), extra: lines, above: names }),
  roofs.length ? (Number(state.threads) > 1 && slopes.length ? el('p', { class: 'note' }, 'The bandwidths are of one thread.') : null)
    : el('p', { class: 'note' }, 'This run has measured no roofs.'),
  el('details', null, el('summary', null, 'The same as a table'), table('Roofline', heads, shown.map(r => [problemCell(r.op, r.problem), r.kernel,
    figure(intensityOf(r)), figure(r.gflops), figure(r.roof_pct), levelNames[r.roof_level] || '']), 'roofline-table')));
}
