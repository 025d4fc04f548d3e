/* Panel: time over the problem's fastest against the error. */
let errorProblem = '';
function drawError() {
  const rows = chosen(), best = new Map([...groups(rows, problemKey)].map(([k, list]) => [k, fastest(list).us]));
  const problems = [...best.keys()];
  if (!problems.includes(errorProblem)) errorProblem = '';
  const [key, title] = rows.some(r => known(r.rel_l2)) ? ['rel_l2', 'relative L2 error'] : ['err_over_bound', 'error / bound'];
  const shown = rows.filter(r => known(r[key]) && (!errorProblem || problemKey(r) === errorProblem));
  const controls = el('div', { class: 'controls' }, select('Problem', [['', 'all'], ...problems.map(p => [p, p.replace('/', ' ')])], errorProblem, p => {
    errorProblem = p;
    drawError();
    byId('error-body').querySelector('select').focus();
  }));
  if (!shown.length) return fill('error-body', controls, nothing('No error was measured of what these filters leave.'));
  const positive = shown.map(r => r[key]).filter(v => v > 0), exact = (positive.length ? Math.min(...positive) : 1e-8) / 3;
  const map = styles(unique(shown.map(algorithm)).sort());
  const heads = [['Kernel'], ['Problem'], ['times the fastest', 'n'], [title, 'n'], ['error / bound', 'n']];
  fill('error-body', controls, keyOf(map), scatter('Speed against error', shown.map(r => ({ x: r.us / best.get(problemKey(r)), y: r[key] || exact, style: map.get(algorithm(r)),
    text: `${r.kernel}\n${r.op} ${r.problem}\n${figure(r.us)} µs, ${figure(r.us / best.get(problemKey(r)))} times the fastest\n${title} ${figure(r[key])}` })),
  'time over the fastest kernel of the problem', title, { extraX: [1], tickY: t => t.toExponential(0) }),
  shown.some(r => !r[key]) ? el('p', { class: 'note' }, 'Points at the lower edge have no error at all.') : null,
  el('details', null, el('summary', null, 'The same as a table'), table('Speed and error', heads, shown.map(r => [r.kernel, r.op + ' ' + r.problem,
    figure(r.us / best.get(problemKey(r))), figure(r[key]), figure(r.err_over_bound)]), 'error-table')));
}
