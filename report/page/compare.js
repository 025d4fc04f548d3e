/* Panel: two sides, each a run with an ISA and a number of threads. Where one run is all there is, its threads or ISAs. */
const sides = { A: null, B: null };

function sidesOf() {
  const list = [];
  data.runs.forEach((r, i) => {
    const ours = r.rows.filter(row => !row.peer && !row.extra);
    for (const threads of unique(ours.map(row => row.threads)).sort((a, b) => a - b))
      for (const isa of ['', ...unique(ours.map(row => row.isa))]) {
        const rows = ours.filter(row => row.threads === threads && (!isa || row.isa === isa));
        if (rows.length) list.push({ id: `${i}/${threads}/${isa}`, rows, run: r,
          name: `${data.runs.length > 1 ? r.cpu + ' (' + r.name + '), ' : ''}${isa || 'any ISA'}, ${threads} thread${threads > 1 ? 's' : ''}` });
      }
  });
  return list;
}
/* Another run with the same threads; else more threads; else another ISA. */
function defaultSides(list) {
  const a = list[0], b = list.find(s => s.run !== a.run && s.id.endsWith('/' + a.id.split('/').slice(1).join('/'))) ||
    list.find(s => s.run !== a.run) || list.find(s => s.id.split('/')[1] !== a.id.split('/')[1] && s.id.endsWith('/')) || list[list.length - 1];
  return { A: a.id, B: b.id };
}
function drawCompare() {
  const list = sidesOf();
  if (!list.length) return fill('compare-body', nothing('There is nothing of ours to compare.'));
  const start = defaultSides(list);
  for (const s of ['A', 'B']) if (!list.some(x => x.id === sides[s])) sides[s] = start[s];
  const a = list.find(s => s.id === sides.A), b = list.find(s => s.id === sides.B);
  const best = s => new Map([...groups(s.rows.filter(r => !state.op || r.op === state.op), problemKey)].map(([k, rows]) => [k, fastest(rows)]));
  const ours = best(a), theirs = best(b), style = styles(['']).get('');
  const items = [...ours].filter(([k]) => theirs.has(k)).map(([k, x]) => {
    const y = theirs.get(k), low = y.us_low / x.us_high, high = y.us_high / x.us_low;
    return { x, y, name: x.problem, ratio: y.us / x.us, low, high, style,
      peaks: x.peak_pct && y.peak_pct ? y.peak_pct / x.peak_pct : NaN,
      text: `${x.op} ${x.problem}\nB takes ${figure(y.us / x.us)}${interval(low, high) ? ' [' + interval(low, high) + ']' : ''} of A's time\nA: ${x.kernel}, ${figure(x.us)} µs\nB: ${y.kernel}, ${figure(y.us)} µs` };
  }).sort((p, q) => p.ratio - q.ratio);
  const options = list.map(s => [s.id, s.name]);
  const pick = s => select(s, options, sides[s], v => { sides[s] = v; drawCompare(); byId('compare-body').querySelectorAll('select')[s === 'A' ? 0 : 1].focus(); });
  const heads = [['Problem'], ['A: kernel'], ['A: µs', 'n'], ['B: kernel'], ['B: µs', 'n'], ['time B / A', 'n'], ['95% interval', 'i'], ['% of peak B / A', 'n']];
  fill('compare-body', el('div', { class: 'controls' }, pick('A'), pick('B')), items.length ? el('p', { class: 'steady', id: 'compare-sum' },
    `${items.length} problems on both sides; geometric mean of the times of B over A: ${figure(geomean(items.map(i => i.ratio)))}.`) : nothing('The two sides have no problem in common.'),
  items.length ? ratios('Time of B over time of A', items, 'time of B / time of A') : null,
  items.length ? el('details', null, el('summary', null, 'The same as a table'), table('Time of B over time of A', heads, items.map(i => [problemCell(i.x.op, i.x.problem), i.x.kernel, figure(i.x.us),
    i.y.kernel, figure(i.y.us), figure(i.ratio), interval(i.low, i.high), figure(i.peaks)]), 'compare-table')) : null);
}
