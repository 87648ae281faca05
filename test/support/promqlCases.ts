import {
  aggregations,
  arithmetic,
  comparisons,
  functions,
  setOperators,
} from '../../src/promql/functions.ts';

/** An expression as text, how deep it is nested, and what of the language it uses. */
export interface Made {
  readonly text: string;
  readonly depth: number;
  readonly uses: readonly string[];
}

export interface GeneratorOptions {
  /** Without what looks at moments of its own: subqueries. */
  readonly isOffGrid: boolean;
}

/** Expressions of PromQL, typed, over the series of `inputSeries`. */
export class PromqlGenerator {
  private readonly random: () => number;
  private readonly options: GeneratorOptions;

  constructor(random: () => number, options: GeneratorOptions) {
    this.random = random;
    this.options = options;
  }

  private pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  private join(text: string, parts: readonly Made[], ...uses: string[]): Made {
    return {
      text,
      depth: 1 + Math.max(0, ...parts.map((p) => p.depth)),
      uses: [...uses, ...parts.flatMap((p) => p.uses)],
    };
  }

  /** An expression that uses the function, operator or modifier. */
  using(feature: string, depth: number): Made {
    const [kind, name] = [feature.slice(0, feature.indexOf(':')), feature.slice(feature.indexOf(':') + 1)];
    switch (kind) {
      case 'function':
        return this.call(name, depth);
      case 'aggregation':
        return this.aggregation(name, depth);
      case 'operator':
        return this.operation(name, depth);
      default:
        return this.modified(name, depth);
    }
  }

  private modified(name: string, depth: number): Made {
    switch (name) {
      case 'offset':
      case '@':
      case '=~':
      case '!~':
      case '!=':
        return this.around(this.selector(name), depth);
      case 'subquery':
        return this.call(this.pick(windowFunctions), depth, true);
      case 'bool':
        return this.operation(this.pick([...comparisons]), depth, true);
      case 'by':
      case 'without':
        return this.aggregation(this.pick(['sum', 'max', 'avg', 'count', 'topk', 'quantile']), depth, name);
      case 'negate':
        return this.around(this.negated(this.vector(depth - 1)), 1);
      default:
        return this.matching(name, depth);
    }
  }

  /** More around an expression. */
  private around(made: Made, depth: number): Made {
    if (depth <= 1) return made;
    const inner = this.join(
      this.pick([
        `abs(${made.text})`,
        `(${made.text}) * 2`,
        `sum by (i) (${made.text})`,
        `max without (j) (${made.text})`,
      ]),
      [made],
    );
    return this.around(inner, depth - 1);
  }

  private negated(of: Made): Made {
    return this.join(
      `-${/^[a-z]+(\{[^}]*\})?$/.test(of.text) ? of.text : `(${of.text})`}`,
      [of],
      'modifier:negate',
    );
  }

  private duration(multiple: readonly number[]): string {
    const n = this.pick(multiple) * 15;
    return n % 60 === 0 ? `${n / 60}m` : `${n}s`;
  }

  private readonly metrics = [
    'reqs_total',
    'temp',
    'load',
    'temp',
    'load',
    'info',
    'other',
    'level',
    'flat',
    'late',
  ];

  private matcher(op: string): string {
    const values: Readonly<Record<string, readonly string[]>> = {
      '=': ['i="a"', 'j="1"', 'i="b"'],
      '!=': ['i!="a"', 'j!=""', 'zone!="z1"'],
      '=~': ['i=~"a|b"', 'i=~"[bc]"', 'j=~".+"', 'zone=~"z[01]|"'],
      '!~': ['i!~"a"', 'zone!~"z0|z2"', 'j!~"7.*"'],
    };
    return this.pick(values[op]!);
  }

  private selector(asked?: string): Made {
    const uses: string[] = [];
    let text = asked === '=~' && this.random() < 0.2 ? '' : this.pick(this.metrics);
    const ops = asked?.includes('=')
      ? [asked]
      : asked === '!~'
        ? ['!~']
        : this.random() < 0.3
          ? [this.pick(['=', '!=', '=~', '!~'])]
          : [];
    const matchers = ops.map((op) => this.matcher(op));
    if (text === '') matchers.push(this.pick(['__name__=~"temp|load"', '__name__=~"re.*"']));
    for (const op of ops) uses.push(`modifier:${op}`);
    if (matchers.length > 0) text += `{${matchers.join(', ')}}`;
    return this.join(text + this.shift(uses, asked), [], ...uses);
  }

  private shift(uses: string[], asked?: string): string {
    let text = '';
    if (asked === 'offset' || this.random() < 0.08) {
      text += ` offset ${this.pick(['', '', '-'])}${this.duration([1, 2, 4, 8])}`;
      uses.push('modifier:offset');
    }
    if (asked === '@' || this.random() < 0.05) {
      const isOff = this.options.isOffGrid ? 1 : 0;
      text += ` @ ${this.pick([`${900 + isOff}`, `${600 + isOff}`, `${1215 + isOff}.000`, 'start()', 'end()'])}`;
      uses.push('modifier:@');
    }
    return text;
  }

  vector(depth: number): Made {
    if (depth <= 1) return this.selector();
    const r = this.random();
    if (r < 0.4) return this.call(this.pick(vectorFunctions), depth);
    if (r < 0.6) return this.aggregation(this.pick(Object.keys(aggregations)), depth);
    if (r < 0.68) return this.matching(this.pick(['on', 'ignoring', 'group_left', 'group_right']), depth);
    return this.operation(this.pick([...arithmetic, ...comparisons, ...setOperators]), depth);
  }

  private scalar(depth: number): Made {
    if (depth <= 1 || this.random() < 0.6)
      return { text: this.pick(['2', '0.5', '10', '-3', '1e2', '7']), depth: 1, uses: [] };
    return this.call(this.pick(['scalar', 'time']), depth);
  }

  private range(depth: number, mustBeSubquery: boolean): Made {
    const isSubquery = !this.options.isOffGrid && (mustBeSubquery || (depth > 2 && this.random() < 0.25));
    const uses: string[] = [];
    if (!isSubquery) {
      const selector = this.pick(['reqs_total', 'reqs_total', 'temp', 'load', 'flat', 'late', 'lat_bucket']);
      const matcher = this.random() < 0.2 ? `{${this.matcher('=')}}` : '';
      return this.join(
        `${selector}${matcher}[${this.duration([4, 8, 12, 20, 3])}]${this.shift(uses)}`,
        [],
        ...uses,
      );
    }
    const of = this.vector(Math.max(1, Math.min(2, depth - 1)));
    uses.push('modifier:subquery');
    const step = this.pick([':', ':30s', ':1m', ':15s', ':45s']);
    return this.join(`(${of.text})[${this.duration([8, 12, 20])}${step}]${this.shift(uses)}`, [of], ...uses);
  }

  private call(name: string, depth: number, mustBeSubquery = false): Made {
    const use = `function:${name}`;
    const inner = Math.max(1, depth - 1);
    switch (name) {
      case 'time':
      case 'pi':
        return this.join(`${name}()`, [], use);
      case 'vector': {
        const of = this.scalar(inner);
        return this.join(`vector(${of.text})`, [of], use);
      }
      case 'scalar': {
        const of = this.pick([() => this.aggregation('sum', inner), () => this.vector(inner)])();
        return this.join(`scalar(${of.text})`, [of], use);
      }
      case 'clamp': {
        const [of, a, b] = [this.vector(inner), this.scalar(1), this.scalar(inner)];
        return this.join(`clamp(${of.text}, ${a.text}, ${b.text})`, [of, a, b], use);
      }
      case 'clamp_min':
      case 'clamp_max': {
        const [of, a] = [this.vector(inner), this.scalar(inner)];
        return this.join(`${name}(${of.text}, ${a.text})`, [of, a], use);
      }
      case 'round': {
        const of = this.vector(inner);
        return this.join(`round(${of.text}${this.pick(['', ', 5', ', 0.25'])})`, [of], use);
      }
      case 'label_replace': {
        const of = this.vector(inner);
        const args = this.pick([
          '"new", "$1-x", "i", "(.*)"',
          '"i", "", "i", "a|b"',
          `"joined", "$\{1}_$2", "zone", "(z)(.)"`,
          '"j", "n", "nothing", ""',
          '"__name__", "renamed_$1", "__name__", "(.+)"',
        ]);
        return this.join(`label_replace(${of.text}, ${args})`, [of], use);
      }
      case 'label_join': {
        const of = this.vector(inner);
        return this.join(`label_join(${of.text}, "new", "-", "i", "j")`, [of], use);
      }
      case 'histogram_quantile': {
        const q = this.pick(['0.5', '0.9', '0.99', '0', '1', '-1', '2', 'scalar(vector(0.75))']);
        const of = this.pick([
          'lat_bucket',
          `rate(lat_bucket[${this.duration([8, 20])}])`,
          `sum by (le) (rate(lat_bucket[${this.duration([8, 20])}]))`,
          `sum by (le, i) (increase(lat_bucket[${this.duration([12])}]))`,
          'lat_bucket{le!="+Inf"}',
        ]);
        const body = {
          text: of,
          depth: of.startsWith('sum') ? 3 : 2,
          uses: of.includes('rate(') ? ['function:rate'] : [],
        };
        return this.around(this.join(`histogram_quantile(${q}, ${of})`, [body], use), depth - 2);
      }
      case 'absent': {
        const of = this.pick([
          () => this.selector(),
          () => this.vector(inner),
          () => this.join('temp{i="nobody", j="1", z=~"x"}', []),
          () => this.join('nothing{i="a", i="b", k="c"}', []),
        ])();
        return this.around(this.join(`absent(${of.text})`, [of], use), this.random() < 0.3 ? depth : 1);
      }
      case 'quantile_over_time': {
        const [q, of] = [this.pick(['0.5', '0.9', '0', '1', '1.5', '-1']), this.range(depth, mustBeSubquery)];
        return this.join(`quantile_over_time(${q}, ${of.text})`, [of], use);
      }
      case 'predict_linear': {
        const [of, by] = [this.range(depth, mustBeSubquery), this.pick(['60', '3600', '-30'])];
        return this.join(`predict_linear(${of.text}, ${by})`, [of], use);
      }
      case 'absent_over_time': {
        const of =
          this.random() < 0.4 ? this.range(depth, mustBeSubquery) : this.join('late{i="a", x="y"}[2m]', []);
        return this.join(`absent_over_time(${of.text})`, [of], use);
      }
      case 'timestamp': {
        const of = this.random() < 0.6 ? this.selector() : this.vector(inner);
        return this.around(this.join(`timestamp(${of.text})`, [of], use), 1);
      }
      default: {
        if (functions[name]!.takes[0] === 'range') {
          const of = this.range(depth, mustBeSubquery);
          return this.join(`${name}(${of.text})`, [of], use);
        }
        if (functions[name]!.optional === 1) {
          if (this.random() < 0.3) return this.join(`${name}()`, [], use);
          // What is no number has no date, and Go's conversion gives one all the same.
          const of = this.join(
            `(${this.pick(['other', 'level', 'flat', 'timestamp(load)', '-other'])} * 400000.75)`,
            [],
          );
          return this.around(this.join(`${name}(${of.text})`, [of], use), 1);
        }
        const of = this.vector(inner);
        return this.join(`${name}(${of.text})`, [of], use);
      }
    }
  }

  private aggregation(name: string, depth: number, asked?: string): Made {
    const of = this.aggregated(name, Math.max(1, depth - 1));
    const modifier = asked ?? this.pick(['', 'by', 'without']);
    const labels = this.pick(['i', 'j', 'i, j', 'zone', 'k', '']);
    const clause = modifier === '' ? '' : ` ${modifier} (${labels}) `;
    const parameter =
      { topk: '2, ', bottomk: '3, ', quantile: `${this.pick(['0.5', '0.9', '2'])}, `, count_values: '"v", ' }[
        name
      ] ?? '';
    const uses = [`aggregation:${name}`, ...(modifier === '' ? [] : [`modifier:${modifier}`])];
    const isBehind = this.random() < 0.3;
    const text = isBehind
      ? `${name}(${parameter}${of.text})${clause}`
      : `${name}${clause}(${parameter}${of.text})`;
    return this.join(text, [of], ...uses);
  }

  /** Equal values would let chance choose the highest, and last digits would tell values apart that are counted. */
  private aggregated(name: string, depth: number): Made {
    if (name === 'count_values') {
      const of = this.pick([
        () => this.selector(),
        () => this.call('round', 1),
        () => this.call('changes', depth),
      ])();
      return this.around(of, Math.min(2, depth));
    }
    if (name !== 'topk' && name !== 'bottomk') return this.vector(depth);
    const text = this.pick(['load', 'reqs_total', 'deriv(load[3m])', 'avg_over_time(load[5m])', 'temp']);
    return this.around({ text, depth: text.includes('(') ? 2 : 1, uses: [] }, 1);
  }

  private operand(of: Made): string {
    return /^[a-z_]+(\{[^}]*\})?$|^[a-z_]+\([^()]*\)$|^[0-9.]+$/.test(of.text) ? of.text : `(${of.text})`;
  }

  private operation(op: string, depth: number, mustBeBool = false): Made {
    const isSet = setOperators.has(op);
    const inner = Math.max(1, depth - 1);
    const left = !isSet && this.random() < 0.15 ? this.scalar(inner) : this.vector(inner);
    const isScalar = /^-?[0-9.e]+$|^(scalar|time)\(/.test(left.text);
    const right = !isSet && !isScalar && this.random() < 0.5 ? this.scalar(inner) : this.vector(inner);
    const isBool = comparisons.has(op) && (mustBeBool || this.random() < 0.3);
    const uses = [`operator:${op}`, ...(isBool ? ['modifier:bool'] : [])];
    return this.join(
      `${this.operand(left)} ${op}${isBool ? ' bool' : ''} ${this.operand(right)}`,
      [left, right],
      ...uses,
    );
  }

  private matching(name: string, depth: number): Made {
    const many = this.pick(['temp', 'load', 'reqs_total', 'rate(reqs_total[2m])', 'avg by (i, j) (load)']);
    const op = this.pick(['*', '/', '-', '>', '<= bool', '+']);
    const uses = [`modifier:${name}`, `operator:${op.split(' ')[0]}`];
    const part = (text: string): Made => ({ text, depth: text.includes('(') ? 2 : 1, uses: [] });
    let made: Made;
    switch (name) {
      case 'group_left': {
        const include = this.pick(['', '(version)', '(version, zone)']);
        made = this.join(
          `${many} ${op} on (i) group_left ${include} info`,
          [part(many)],
          ...uses,
          'modifier:on',
        );
        break;
      }
      case 'group_right': {
        const include = this.pick(['', '(version)']);
        made = this.join(
          `info ${op} on (i) group_right ${include} ${many}`,
          [part(many)],
          ...uses,
          'modifier:on',
        );
        break;
      }
      case 'on': {
        const set = this.pick(['and', 'unless', 'or', op]);
        const labels = this.pick(['(i, j)', '(i)', '(j)', '()']);
        made = this.join(
          `${many} ${set} on ${labels} temp`,
          [part(many)],
          'modifier:on',
          `operator:${set.split(' ')[0]}`,
        );
        break;
      }
      default: {
        const labels = this.pick(['(zone)', '(version)', '(zone, x)', '(j)']);
        const set = this.pick([op, op, 'and', 'or', 'unless']);
        made = this.join(
          `${many} ${set} ignoring ${labels} load`,
          [part(many)],
          'modifier:ignoring',
          `operator:${set.split(' ')[0]}`,
        );
      }
    }
    return this.around(made, depth - 1);
  }
}

/** Dates are made of operands of their own. */
const dates = Object.keys(functions).filter(
  (name) => functions[name]!.optional === 1 && name !== 'round' && name !== 'label_join',
);
const windowFunctions = Object.keys(functions).filter((name) => functions[name]!.takes.includes('range'));
/** Last digits of these come from the runtime's own exp and log. */
export const transcendental = [
  ...['exp', 'ln', 'log2', 'log10', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan'],
  ...['sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'],
];
const vectorFunctions = Object.keys(functions).filter(
  (name) => functions[name]!.gives === 'vector' && ![...transcendental, ...dates].includes(name),
);

export const features: readonly string[] = [
  ...Object.keys(functions).map((name) => `function:${name}`),
  ...Object.keys(aggregations).map((name) => `aggregation:${name}`),
  ...[...arithmetic, ...comparisons, ...setOperators].map((name) => `operator:${name}`),
  ...[
    'offset',
    '@',
    '!=',
    '=~',
    '!~',
    'subquery',
    'bool',
    'by',
    'without',
    'on',
    'ignoring',
    'group_left',
    'group_right',
    'negate',
  ].map((name) => `modifier:${name}`),
];
