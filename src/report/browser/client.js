// The rollout browser: runs in the report's page, asks for nothing, and puts all text into the document as text.
const root = document.getElementById('rollouts');
const data = JSON.parse(document.getElementById('browser-list').textContent);
const lines = data.lines.map(([arm, problem, title, outcome, right, total, part, place]) => ({
  ...{ arm, problem, title, outcome, right, total, part, place },
}));
const PER_PAGE = 20;
const OUTCOMES = { right: 'right', wrong: 'wrong', chance: 'by chance', unjudged: 'not judged' };
const state = { text: '', arm: 0, outcome: '', order: 'problem', page: 0 };
const parts = new Map();

function node(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === '') continue;
    made.append(typeof child === 'object' ? child : String(child));
  }
  return made;
}

function pill(text) {
  const good = ['accepted', 'right', 'correct'].includes(text);
  const plain = ['unscored', 'unparsed', 'truncated', 'not judged', 'by chance', 'no answer'].includes(text);
  return node('span', { class: `pill ${good ? 'good' : plain ? '' : 'bad'}` }, text);
}

function fold(title, content, open) {
  return node('details', open ? { open: '' } : {}, node('summary', {}, title), content);
}

async function unpack(part) {
  let details = parts.get(part);
  if (details === undefined) {
    const bytes = Uint8Array.from(atob(document.getElementById(`browser-part-${part}`).textContent), (c) =>
      c.charCodeAt(0),
    );
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    details = JSON.parse(await new Response(stream).text());
    parts.set(part, details);
  }
  return details;
}

// This and firstDifference as in first-difference.ts: this file is sent as it is, and imports nothing.
function linesOf(text) {
  return text.replace(/\r\n/g, '\n').replace(/\n+$/, '').split('\n');
}

// Where two outputs part: line and character, or null.
function firstDifference(a, b) {
  const [left, right] = [linesOf(a), linesOf(b)];
  for (let line = 0; line < Math.max(left.length, right.length); line++) {
    const [mine, other] = [left[line], right[line]];
    if (mine === other) continue;
    if (mine === undefined || other === undefined) return { line, column: 0 };
    let column = 0;
    while (column < mine.length && mine[column] === other[column]) column++;
    return { line, column };
  }
  return null;
}

function marked(text, difference) {
  if (difference === null) return node('pre', {}, text.replace(/\n+$/, '') || '(nothing)');
  const all = linesOf(text);
  const at = all[difference.line];
  const before = all.slice(0, difference.line).map((line) => `${line}\n`);
  const after = all.slice(difference.line + 1).map((line) => `\n${line}`);
  const here =
    at === undefined
      ? node('mark', {}, '(ends here)')
      : [at.slice(0, difference.column), node('mark', {}, at.slice(difference.column) || ' ')];
  return node('pre', {}, before, here, after);
}

function predictionView(prediction, draw, executed, expected) {
  const { output, passes } = prediction;
  if (output === null) {
    const why = passes === null ? 'unscored' : 'no answer';
    return node('div', {}, node('h4', {}, `Prediction ${draw + 1} `, pill(why)));
  }
  const difference = executed === null ? null : firstDifference(output, executed);
  const wishful = difference !== null && expected !== undefined && firstDifference(output, expected) === null;
  const verdict =
    executed === null ? null : pill(difference === null ? 'correct' : wishful ? 'wishful' : 'wrong');
  const said = passes === null ? '' : passes ? ' says it passes' : ' says it fails';
  return node(
    'div',
    {},
    node('h4', {}, `Prediction ${draw + 1}${said} `, verdict),
    marked(output, difference),
  );
}

function departureView({ draw, step, before, simulated, executed }) {
  const row = (label, text) => node('tr', {}, node('td', {}, label), node('td', {}, node('code', {}, text)));
  return node(
    'div',
    { class: 'departure' },
    node('p', { class: 'note' }, `Prediction ${draw + 1} leaves the real execution at step ${step}:`),
    node(
      'div',
      { class: 'scroll' },
      node(
        'table',
        {},
        before.map((text) => row('both', text)),
        row('simulated', simulated ?? '(has ended)'),
        row('executed', executed ?? '(has ended)'),
      ),
    ),
  );
}

function testView(test, at, tests) {
  const { input, output: expected } = tests?.[at] ?? {};
  const { verdict, executed, predictions, departure } = test;
  return node(
    'div',
    { class: 'test' },
    node('h4', {}, `Public test ${at + 1} `, pill(verdict)),
    node(
      'div',
      { class: 'sides' },
      input !== undefined &&
        node('div', {}, node('h4', {}, 'Input'), node('pre', {}, input.replace(/\n+$/, ''))),
      expected !== undefined &&
        node('div', {}, node('h4', {}, 'Expected'), node('pre', {}, expected.replace(/\n+$/, ''))),
      node(
        'div',
        {},
        node('h4', {}, 'Executed'),
        executed === null
          ? node('p', { class: 'note' }, 'Nothing: it failed, or was not run.')
          : node('pre', {}, executed.replace(/\n+$/, '') || '(nothing)'),
      ),
      predictions.map((prediction, draw) => predictionView(prediction, draw, executed, expected)),
    ),
    departure && departureView(departure),
  );
}

function programView(program, tests) {
  const { samples, source, verdict, simulated, executed, tokens, chosen } = program;
  const numbers = `Program${samples.length > 1 ? 's' : ''} ${samples.join(', ')}`;
  if (source === null)
    return node('p', { class: 'note' }, `${numbers}: no program could be read. ${tokens} tokens.`);
  const passes = [
    simulated !== null && `${Number(simulated.toFixed(1))} of ${program.tests.length} by simulation`,
    executed !== null && `${executed} really`,
  ].filter(Boolean);
  const facts = passes.length > 0 ? ` passes ${passes.join(', ')} ` : ' ';
  return fold(
    [
      node('span', { class: 't' }, numbers),
      chosen && node('span', { class: 'pill pick' }, 'submitted'),
      pill(verdict),
      node('span', {}, facts),
    ],
    [node('pre', { class: 'code' }, source), program.tests.map((test, at) => testView(test, at, tests))],
    chosen,
  );
}

function detailView({ statement, why, tests, programs = [], repairs = [], answers = [] }) {
  return [
    statement && node('pre', {}, statement),
    why && node('p', {}, why),
    programs.map((program) => programView(program, tests)),
    repairs.map(({ how, programs: written }) =>
      fold(
        [node('span', { class: 't' }, 'Repair'), how],
        written.map(({ source, verdicts }, at) =>
          node(
            'div',
            {},
            node('h4', {}, `Program ${at + 1}: ${verdicts}`),
            node('pre', { class: 'code' }, source ?? '(no program could be read)'),
          ),
        ),
        programs.length === 0,
      ),
    ),
    answers.map(({ verdict, answer, completion, note }, at) =>
      fold(
        [node('span', { class: 't' }, `Answer ${at + 1}`), pill(verdict), ` ${note}`],
        [
          answer !== null && [node('h4', {}, 'As it was read'), node('pre', {}, answer)],
          completion !== null && [node('h4', {}, 'What the model wrote'), node('pre', {}, completion)],
        ],
        answers.length === 1,
      ),
    ),
  ];
}

function lineView(line) {
  const { problem, title, outcome, right, total, part, place } = line;
  const body = node('div', {});
  const element = node(
    'details',
    { class: 'episode' },
    node(
      'summary',
      {},
      node('span', { class: 't' }, title),
      pill(OUTCOMES[outcome]),
      node(
        'span',
        { class: 'dim' },
        ` ${title === problem ? '' : `${problem} · `}${right} of ${total} right`,
      ),
    ),
    body,
  );
  element.addEventListener('toggle', async () => {
    if (!element.open || body.hasChildNodes()) return;
    if (part < 0) {
      body.append(
        node('p', { class: 'note' }, 'Left out to keep this page small; it is in the run’s records.'),
      );
      return;
    }
    const details = await unpack(part);
    if (!body.hasChildNodes()) body.append(...detailView(details[place]).flat(Infinity).filter(Boolean));
  });
  return element;
}

function select(label, options, onChange) {
  const made = node(
    'select',
    { 'aria-label': label },
    options.map(([value, text]) => node('option', { value }, text)),
  );
  made.addEventListener('change', () => onChange(made.value));
  return made;
}

const list = node('div', {});
const summary = node('p', { class: 'note', 'aria-live': 'polite' });
const pager = node('div', { class: 'controls' });

function render() {
  const wanted = state.text.toLowerCase();
  const found = lines.filter(
    ({ arm, problem, title, outcome }) =>
      arm === state.arm &&
      (state.outcome === '' || outcome === state.outcome) &&
      (wanted === '' || `${problem}\n${title}`.toLowerCase().includes(wanted)),
  );
  if (state.order === 'hard') found.sort((a, b) => a.right / a.total - b.right / b.total);
  if (state.order === 'easy') found.sort((a, b) => b.right / b.total - a.right / a.total);
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  state.page = Math.min(state.page, pages - 1);
  const from = state.page * PER_PAGE;
  const shown = found.slice(from, from + PER_PAGE);
  const all = lines.filter(({ arm }) => arm === state.arm).length;
  const range = shown.length === 0 ? 'none' : `${from + 1}–${from + shown.length}`;
  summary.textContent = `Shown: ${range} of ${found.length}${found.length < all ? ` found, of ${all} problems` : ' problems'}.`;
  list.replaceChildren(...shown.map(lineView));
  const button = (text, page, off) => {
    const made = node('button', { type: 'button', ...(off ? { disabled: '' } : {}) }, text);
    made.addEventListener('click', () => {
      state.page = page;
      render();
      root.scrollIntoView({ block: 'start' });
    });
    return made;
  };
  pager.replaceChildren(
    ...(pages > 1
      ? [
          button('← earlier', state.page - 1, state.page === 0),
          node('span', { class: 'dim' }, `page ${state.page + 1} of ${pages}`),
          button('later →', state.page + 1, state.page === pages - 1),
        ]
      : []),
  );
}

const change =
  (field, read = (value) => value) =>
  (value) => {
    state[field] = read(value);
    state.page = 0;
    render();
  };
const search = node('input', {
  type: 'search',
  placeholder: 'Search problems',
  'aria-label': 'Search problems',
});
search.addEventListener('input', () => change('text')(search.value));
const outcomes = Object.entries(OUTCOMES).filter(([outcome]) =>
  lines.some((line) => line.outcome === outcome),
);
// The newest first: stages come in the order of training.
state.arm = data.arms.length - 1;
const arms = data.arms.map((name, arm) => [String(arm), name]).reverse();
root.append(
  node(
    'div',
    { class: 'controls' },
    search,
    arms.length > 1 && select('Which', arms, change('arm', Number)),
    select(
      'Outcome',
      [['', 'any outcome'], ...outcomes.map(([value, text]) => [value, `what was submitted: ${text}`])],
      change('outcome'),
    ),
    select(
      'Order',
      [
        ['problem', 'in order'],
        ['hard', 'fewest right first'],
        ['easy', 'most right first'],
      ],
      change('order'),
    ),
  ),
  summary,
  list,
  pager,
);
render();
