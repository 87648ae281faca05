/** What a hurried hand or an attacker puts where a value belongs. */
const junk = [
  'null',
  '~',
  '""',
  '[]',
  '{}',
  '[[]]',
  '-1',
  '0',
  '1',
  '1e9',
  '1e400',
  '.nan',
  '-.inf',
  '0x10',
  '00',
  'true',
  'no',
  'yes',
  '9007199254740993',
  '-0',
  '1.5',
  '5m',
  '500m',
  '-5m',
  '+5m',
  '1ms',
  '0s',
  '300d',
  '1000000000d',
  '10MB/s',
  '1B/s',
  '25Gbit/s',
  '1TB',
  '0B',
  '9000PB',
  '15%',
  '-3%',
  '900%',
  '1/s',
  '$1/h',
  '4 cores',
  'NaN',
  'Infinity',

  '__proto__',
  'constructor',
  '*a',
  '&a x',
  '!!binary aGk=',
  '!!set {a}',
  '!x y',
  '|',
  '>-',
  '"',
  "'",
  '@',
  '`',
  '#',
  '%',
  '? a',
  '- - -',
  '{a: {a: {a: 1}}}',
  '{ value: 3 }',
  '{ value: 3s, source: x }',
  '{ varies: { uniform: { from: 1s, to: 2s } } }',
  '{ varies: 3 }',
  '{ uncertain: { lognormal: { median: 3s, p95: 9s } } }',
  '{ uncertain: { uniform: { from: 1, to: 3 } } }',
  '{ uncertain: { empirical: { of: [1, 2] } } }',
  '{ uncertain: { empirical: { file: x } } }',
  '../../../x',
  '/etc/passwd',
  '<script>alert(1)</script>',
  '\u202e',
  '\u0000',
  '\ud800',
  '\u{1f600}',
  'up == 1',
  'sum(up) by (',
  'a{b="9"} > 0',
  '2025-10-03T16:00:00Z',
  '2025-02-30T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '+10m',
  'operations.rollingRestart',
  'operations.replaceNode',
  'strimzi.rollingRestart',
] as const;

/**
 * A text with one or two places changed: values replaced, lines moved, doubled, lost or indented, keys mistyped, characters lost or
 * inserted.
 * @param draw numbers in [0, 1)
 */
export function mutateText(text: string, draw: () => number): string {
  let lines = text.split('\n');
  const below = (n: number) => Math.min(n - 1, Math.floor(draw() * n));
  const piece = () => junk[below(junk.length)] ?? '';
  for (let left = 1 + below(2); left > 0; left -= 1) {
    const i = below(lines.length);
    const line = lines[i] ?? '';
    switch (below(12)) {
      case 0:
        lines.splice(i, 1);
        break;
      case 1:
        lines.splice(i, 0, line);
        break;
      case 2: {
        const j = below(lines.length);
        lines[i] = lines[j] ?? '';
        lines[j] = line;
        break;
      }
      case 3:
        lines[i] = ' '.repeat(below(8)) + line.trimStart();
        break;
      case 4:
      case 5:
      case 6:
        lines[i] = line.replace(/:\s.*$/, () => `: ${piece()}`);
        break;
      case 7: {
        // One value inside a flow map.
        const parts = line.split(/(?<=: )/);
        const k = 1 + below(Math.max(1, parts.length - 1));
        if (parts[k] !== undefined) parts[k] = parts[k].replace(/^[^,}\]]*/, () => piece());
        lines[i] = parts.join('');
        break;
      }
      case 8: {
        const at = below(line.length + 1);
        lines[i] = line.slice(0, at) + line.slice(at + 1);
        break;
      }
      case 9: {
        const at = below(line.length + 1);
        lines[i] = line.slice(0, at) + String.fromCharCode(32 + below(95)) + line.slice(at);
        break;
      }
      case 10:
        lines[i] = line.replace(/[a-z]+(?=:)/i, (key) => key.slice(1) + key.slice(0, 1));
        break;
      default:
        lines = below(4) === 0 ? lines.slice(0, i) : [...lines.slice(0, i), piece(), ...lines.slice(i)];
    }
    if (lines.length === 0) lines = [''];
  }
  return lines.join('\n');
}
