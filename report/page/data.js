/* The page's data, and what all panels say figures with. */
const data = JSON.parse(document.getElementById('data').textContent);

/* Rows come as lists under a list of columns, the texts of the first six as places in a list of names. */
for (const run of data.runs) {
  run.rows = run.rows.map(list => {
    const row = {};
    run.columns.forEach((name, i) => { if (list[i] !== null) row[name] = i < 6 ? run.names[list[i]] : list[i]; });
    row.peer = row.kernel.includes(':');
    if (!row.batch) row.batch = Number((/(?:^|_)mb(\d+)/.exec(row.problem) || [0, 1])[1]);
    row.us_low = row.time_low_ns * 1e-3;
    row.us_high = row.time_high_ns * 1e-3;
    return row;
  });
}

const known = x => typeof x === 'number' && isFinite(x);

/* As text_number() of the tool. */
function figure(x) {
  if (!known(x)) return '';
  const size = Math.abs(x);
  if (size === 0) return '0';
  for (const [from, decimals] of [[99.95, 0], [9.995, 1], [0.9995, 2], [0.00995, 3]])
    if (size >= from) return x.toFixed(decimals);
  return x.toExponential(1).replace(/e([+-])(\d)$/, 'e$10$2');
}
const interval = (low, high) => known(low) && known(high) ? figure(low) + ' .. ' + figure(high) : '';
const six = x => known(x) ? Number(x.toPrecision(6)) : NaN;

const unique = list => [...new Set(list)];
function groups(list, key) {
  const map = new Map();
  for (const item of list) {
    const k = key(item);
    if (!map.has(k)) map.set(k, []);
    map.get(k).push(item);
  }
  return map;
}
const problemKey = row => row.op + '/' + row.problem;
const fastest = rows => rows.reduce((a, b) => (b.us < a.us ? b : a));
const geomean = list => Math.exp(list.reduce((sum, x) => sum + Math.log(x), 0) / list.length);

/* conv_winograd_f6x6_avx2_t6x2: "winograd_f6x6". */
function algorithm(row) {
  if (row.peer) return row.kernel.split(':')[0];
  let name = row.kernel.replace(/_t\d+x\d+$/, '');
  if (row.isa && name.endsWith('_' + row.isa)) name = name.slice(0, -row.isa.length - 1);
  if (name.startsWith(row.op + '_')) name = name.slice(row.op.length + 1);
  return row.op === 'conv' || name === row.op ? name : row.op + ' ' + name;
}
function shortName(row) {
  const op = row.op + '_';
  return row.kernel.startsWith(op) ? row.kernel.slice(op.length).replace(/_/g, ' ') : row.kernel;
}

/* ---- elements; text is always text, never markup ---- */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const key in attributes || {}) if (attributes[key] !== false && attributes[key] !== undefined) node.setAttribute(key, attributes[key]);
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}
function svg(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes || {}) node.setAttribute(key, attributes[key]);
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}
const byId = id => document.getElementById(id);
const fill = (id, ...nodes) => byId(id).replaceChildren(...nodes.filter(Boolean));
const nothing = text => el('p', { class: 'none' }, text);

/* heads: [text, isNumber]; rows: lists of nodes or texts, a row's head first. */
function table(label, heads, rows, id) {
  const body = rows.map(cells => el('tr', null, ...cells.map((c, i) => c instanceof Node ? c :
    i === 0 ? el('th', { scope: 'row' }, c) : el('td', heads[i][1] ? { class: heads[i][1] === 'i' ? 'n i' : 'n' } : null, c))));
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    el('table', { id }, el('thead', null, el('tr', null, ...heads.map(h => el('th', { scope: 'col', class: h[1] ? 'n' : undefined }, h[0])))),
      el('tbody', null, ...body)));
}
function problemCell(op, problem) {
  return el('th', { scope: 'row' }, el('span', { class: 'op' }, op), ' ' + problem);
}
function select(label, options, value, change) {
  const box = el('select', { 'aria-label': label }, ...options.map(o => el('option', { value: o[0] }, o[1])));
  box.value = value;
  box.addEventListener('change', () => change(box.value));
  return el('label', null, label, box);
}
