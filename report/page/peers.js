/* Panel: our time over the best peer's. The table is in the page already: its rows are hidden and shown. */
function drawPeers() {
  const all = run().versus, fits = v => (!state.op || v.op === state.op) && v.threads === Number(state.threads);
  const list = all.filter(fits).sort((a, b) => a.ratio - b.ratio), map = styles(unique(all.map(v => v.peer.split(':')[0])));
  const shownTable = byId('peers-table-' + state.run);
  if (shownTable) for (const tr of shownTable.tBodies[0].rows)
    tr.hidden = !((!state.op || tr.dataset.op === state.op) && tr.dataset.threads === state.threads);
  if (!list.length) return fill('peers-plot', all.length ? nothing('No comparison is left by these filters.') : null);
  const better = list.filter(v => (known(v.ratio_high) ? v.ratio_high : v.ratio) < 1).length, worse = list.filter(v => (known(v.ratio_low) ? v.ratio_low : v.ratio) > 1).length;
  fill('peers-plot', el('p', { class: 'steady', id: 'peers-sum' }, `${list.length} problems: faster on ${better}, slower on ${worse}, no clear difference on ${list.length - better - worse}; geometric mean ${figure(geomean(list.map(v => v.ratio)))}.`),
    keyOf(map), ratios('Our time over the best peer’s', list.map(v => ({
      name: `${v.problem}${v.layout && v.layout !== 'own' ? ' (' + v.layout + ')' : ''}`, ratio: v.ratio, low: v.ratio_low, high: v.ratio_high, style: map.get(v.peer.split(':')[0]),
      text: `${v.op} ${v.problem}\n${figure(v.ratio)}${interval(v.ratio_low, v.ratio_high) ? ' [' + interval(v.ratio_low, v.ratio_high) + ']' : ''} of the time of ${v.peer}\n${v.ours}: ${figure(v.ours_us)} µs; theirs ${figure(v.peer_us)} µs` })),
    'our time / theirs'));
}
