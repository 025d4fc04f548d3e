/* The filters of all panels: native selects; what they hold is in the address too, so that a view can be sent. */
const state = { run: '0', op: '', isa: '', threads: '', layout: '', batch: '' };
const filterNames = { run: 'Run', op: 'Operation', isa: 'ISA', threads: 'Threads', layout: 'Layout', batch: 'Batch' };
const run = () => data.runs[Number(state.run)];

function filterOptions(name) {
  const rows = run().rows, numeric = list => unique(list).sort((a, b) => a - b);
  switch (name) {
    case 'run': return data.runs.map((r, i) => [String(i), `${r.cpu} (${r.name}${r.date ? ', ' + r.date.slice(0, 10) : ''})`]);
    case 'op': return [['', 'all'], ...unique(rows.map(r => r.op)).map(o => [o, o])];
    case 'isa': return [['', 'any'], ...unique(rows.map(r => r.isa)).filter(Boolean).map(i => [i, i])];
    case 'threads': return numeric(rows.map(r => r.threads)).map(t => [String(t), String(t)]);
    case 'layout': return [['', "each kernel's best"], ...unique(rows.filter(r => !r.peer).map(r => r.layout)).filter(Boolean).map(l => [l, l.replace('>', ' to ')])];
    default: return [['', 'any'], ...numeric(rows.map(r => r.batch)).map(b => [String(b), String(b)])];
  }
}

/* Rows that the filters leave. Other libraries have no ISA, and layouts of their own. */
function chosen(options) {
  const o = Object.assign({ peers: false }, options);
  return run().rows.filter(r => (!state.op || r.op === state.op) && r.threads === Number(state.threads) &&
    (!state.batch || r.batch === Number(state.batch)) && (r.peer ? o.peers && !r.extra :
      (!state.isa || r.isa === state.isa) && (state.layout ? r.layout === state.layout : !r.extra)));
}

function readAddress() {
  for (const [k, v] of new URLSearchParams(location.hash.slice(1))) if (k in state) state[k] = v;
}
function writeAddress() {
  const set = Object.entries(state).filter(([k, v]) => v && !(k === 'run' && v === '0') && !(k === 'threads' && v === filterOptions(k)[0][0]));
  history.replaceState(null, '', set.length ? '#' + new URLSearchParams(set) : location.pathname + location.search);
}
function drawFilters(change) {
  const form = byId('filters'), held = document.activeElement && document.activeElement.getAttribute('aria-label');
  const boxes = [];
  for (const name in filterNames) {
    const options = filterOptions(name);
    if (!options.some(o => o[0] === state[name])) state[name] = options.length ? options[0][0] : '';
    if (options.length > (options.some(o => o[0] === '') ? 2 : 1))
      boxes.push(select(filterNames[name], options, state[name], value => { state[name] = value; change(true); }));
  }
  const reset = el('button', { type: 'button' }, 'Reset');
  reset.addEventListener('click', () => { Object.assign(state, { op: '', isa: '', threads: '', layout: '', batch: '' }); change(true); });
  form.replaceChildren(...boxes, reset, el('output', { 'aria-live': 'polite' }, `${chosen({ peers: true }).length} of ${run().rows.length} benchmarks`));
  form.hidden = false;
  if (held) for (const box of form.querySelectorAll('select')) if (box.getAttribute('aria-label') === held) box.focus();
}
