/* Panel: the fastest kernel of each problem, as report_winners() of the tool finds it. */
function winnersOf(rows) {
  return [...groups(rows, problemKey).values()].map(list => {
    const sorted = list.slice().sort((a, b) => a.us - b.us), [first, second] = sorted;
    return { first, second, by: second && six(second.us / first.us),
      low: second && six(second.us_low / first.us_high), high: second && six(second.us_high / first.us_low) };
  });
}
function drawWinners() {
  const winners = winnersOf(chosen());
  const heads = [['Problem'], ['Fastest kernel'], ['µs', 'n'], ['95% interval', 'i'], ['GFLOP/s', 'n'], ['% of peak', 'n'], ['% of roof', 'n'],
    ['next takes', 'n'], ['95% interval', 'i']];
  fill('winners-body', winners.length ? table('Fastest kernel of each problem', heads, winners.map(w => [problemCell(w.first.op, w.first.problem),
    w.first.kernel, figure(w.first.us), interval(w.first.us_low, w.first.us_high), figure(w.first.gflops), figure(w.first.peak_pct),
    figure(w.first.roof_pct), el('td', { class: 'n', title: w.second ? w.second.kernel : 'no other row' }, w.second ? figure(w.by) + '×' : ''),
    interval(w.low, w.high)]), 'winners-live') : nothing('No kernel of ours is left by these filters.'));
}
