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
  const draw = (x, y, width) => [
    ...flats.flatMap(r => [svg('line', { class: 'roof', x1: x.map(x.low), x2: x.map(x.high), y1: y.map(r.flat), y2: y.map(r.flat) }),
      svg('text', { class: 'soft', x: width - 22, y: y.map(r.flat) - 5, 'text-anchor': 'end' }, r.name)]),
    ...slopes.flatMap(r => {
      const to = Math.min(x.high, top / r.slope), from = Math.max(x.low, y.low / r.slope);
      if (!(to > from)) return [];
      const turn = Math.atan2(y.map(to * r.slope) - y.map(from * r.slope), x.map(to) - x.map(from)) * 180 / Math.PI;
      const px = x.map(from) + 26, py = y.map(from * r.slope) + Math.tan(turn * Math.PI / 180) * 26 - 5;
      return [svg('line', { class: 'roof', x1: x.map(from), y1: y.map(from * r.slope), x2: x.map(to), y2: y.map(to * r.slope) }),
        svg('text', { class: 'soft', x: px, y: py, transform: `rotate(${turn} ${px} ${py})` }, r.name)];
    })];
  const heads = [['Problem'], ['Kernel'], ['FLOP/byte', 'n'], ['GFLOP/s', 'n'], ['% of roof', 'n'], ['bound by']];
  fill('roofline-body', controls, keyOf(map), scatter('Roofline', shown.map(r => ({ x: intensityOf(r), y: r.gflops, style: map.get(r.op),
    text: `${r.op} ${r.problem}\n${r.kernel}\n${figure(r.gflops)} GFLOP/s at ${figure(intensityOf(r))} FLOP/byte` +
      (known(r.roof_pct) ? `\n${figure(r.roof_pct)}% of its roof (${levelNames[r.roof_level] || '?'})` : '') })),
  'FLOP / byte', 'GFLOP/s', { extraY: flats.map(r => r.flat), extra: draw }),
  roofs.length ? (Number(state.threads) > 1 && slopes.length ? el('p', { class: 'note' }, 'The bandwidths are of one thread.') : null)
    : el('p', { class: 'note' }, 'This run has measured no roofs.'),
  el('details', null, el('summary', null, 'The same as a table'), table('Roofline', heads, shown.map(r => [problemCell(r.op, r.problem), r.kernel,
    figure(intensityOf(r)), figure(r.gflops), figure(r.roof_pct), levelNames[r.roof_level] || '']), 'roofline-table')));
}
