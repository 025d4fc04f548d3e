/* Panel: kernel x problem, a table whose cells are coloured. */
const metrics = {
  relative: ['time over the fastest of the problem', r => r.relative, -1],
  us: ['time, µs', r => r.us, -1],
  gflops: ['GFLOP/s', r => r.gflops, 1],
  peak_pct: ['% of the FMA peak', r => r.peak_pct, 1],
  roof_pct: ['% of its roof', r => r.roof_pct, 1],
  bandwidth: ['GB/s', r => r.bytes_per_second * 1e-9, 1],
  cold: ['time with cold caches over warm', r => r.cold_us / r.us, -1],
  rel_l2: ['relative L2 error', r => r.rel_l2, -1],
  err_over_bound: ['error as a fraction of its bound', r => r.err_over_bound, -1],
  reproducible_x: ['what reproducible costs, times', r => r.reproducible_x, -1],
  denormal_x: ['what denormal data cost, times', r => r.denormal_x, -1],
  energy: ['energy, µJ', r => r.energy_uj, -1],
};
let metric = 'relative';

/* cividis: even to the eye, and the same to colour-blind ones. */
const ramp = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]];
function heatColour(t) {
  const at = Math.max(0, Math.min(1, t)) * (ramp.length - 1), i = Math.min(ramp.length - 2, Math.floor(at)), f = at - i;
  const rgb = ramp[i].map((c, k) => Math.round(c + (ramp[i + 1][k] - c) * f));
  const light = rgb.map(c => (c / 255) ** 2.2), y = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  return { back: `rgb(${rgb})`, text: y > 0.18 ? '#000' : '#fff' };
}

function heatTable(op, rows) {
  const [, value, sense] = metrics[metric];
  for (const list of groups(rows, problemKey).values()) { const best = fastest(list).us; for (const r of list) r.relative = r.us / best; }
  const kernels = unique(rows.filter(r => !r.peer).map(r => r.kernel)).concat(unique(rows.filter(r => r.peer).map(r => r.kernel)));
  const values = rows.map(value).filter(v => known(v) && v > 0), low = Math.log(Math.min(...values)), high = Math.log(Math.max(...values));
  /* Beyond 8 times the fastest all is slow. */
  const scale = v => metric === 'relative' ? 1 - Math.min(1, Math.log(v) / Math.log(8)) :
    v <= 0 ? (sense > 0 ? 0 : 1) : high - low < 1e-9 ? 1 : (x => sense > 0 ? x : 1 - x)((Math.log(v) - low) / (high - low));
  const cells = [];
  const body = [...groups(rows, problemKey).values()].map(list => {
    const at = new Map(list.map(r => [r.kernel, r])), all = list.map(value).filter(known);
    const best = sense > 0 ? Math.max(...all) : Math.min(...all);
    return el('tr', null, el('th', { scope: 'row' }, list[0].problem), ...kernels.map(k => {
      const r = at.get(k), v = r ? value(r) : NaN;
      if (!known(v)) return el('td', { 'aria-label': 'none' });
      const colour = heatColour(scale(v));
      const td = el('td', { class: v === best ? 'best' : undefined, style: `background:${colour.back};color:${colour.text}`,
        'data-problem': r.problem, 'data-kernel': k, 'data-value': v }, figure(v));
      describe(td, `${r.op} ${r.problem}\n${k}\n${metrics[metric][0]}: ${figure(v)}\n${figure(r.us)} µs${interval(r.us_low, r.us_high) ? ' [' + interval(r.us_low, r.us_high) + ']' : ''}` +
        (known(r.gflops) ? `, ${figure(r.gflops)} GFLOP/s` : '') + (r.layout ? `\n${r.layout} ${r.detail || ''}` : ''));
      cells.push(td);
      return td;
    }));
  });
  walkable(cells);
  const first = new Map(rows.map(r => [r.kernel, r]));
  return [el('h3', null, op), el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Heat map of ${op}: ${metrics[metric][0]}` },
    el('table', { class: 'heat' }, el('thead', null, el('tr', null, el('th', { scope: 'col' }, 'Problem'),
      ...kernels.map(k => el('th', { scope: 'col', class: first.get(k).peer ? 'peer' : undefined, title: k }, el('span', null, shortName(first.get(k))))))),
      el('tbody', null, ...body)))];
}

function drawHeat() {
  const rows = chosen({ peers: true });
  const measured = Object.keys(metrics).filter(m => m === 'relative' || rows.some(r => known(metrics[m][1](r))));
  if (!measured.includes(metric)) metric = 'relative';
  const stops = Array.from({ length: 10 }, (_, i) => heatColour(i / 9).back);
  fill('heat-body', el('div', { class: 'controls' }, select('Figure', measured.map(m => [m, metrics[m][0]]), metric, m => {
    metric = m;
    drawHeat();
    byId('heat-body').querySelector('select').focus();
  })),
  el('p', { class: 'key' }, el('span', null, 'worse'), el('span', { class: 'ramp', style: `background:linear-gradient(90deg,${stops})` }), el('span', null, metric === 'relative' ? 'better (8 times the fastest and more, to 1)' : 'better')),
  ...(rows.length ? [...groups(rows, r => r.op)].flatMap(([op, list]) => heatTable(op, list)) : [nothing('No benchmark is left by these filters.')]));
}
