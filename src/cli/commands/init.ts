import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { exitCode, UsageError } from '../exitCodes.ts';
import { type Command, version } from '../verbs.ts';

/**
 * What the platform extends. They are copied: a file resolves only below its project, which a package that is linked or installed further
 * up is not, and a newer package must not move a team's numbers unseen.
 */
const models = [
  'models/hardware/aws-ec2.yaml',
  'models/kubernetes/kubernetes-1.30.yaml',
  'models/strimzi/strimzi-0.42.yaml',
  'models/kafka/kafka-3.7.yaml',
];

function copyOf(model: string): string {
  const text = readFileSync(new URL(`../../../${model}`, import.meta.url), 'utf8');
  return text.replace(
    /^(# yaml-language-server: \$schema=)\.\.\/\.\.\/(.*)$/m,
    `$1../../node_modules/rehearse/$2\n# Copied from rehearse ${version}, each number with its source: yours to change.`,
  );
}

const platform = `# yaml-language-server: $schema=../node_modules/rehearse/docs/reference/platform.schema.json
# Your platform: three brokers on nodes of their own. Every number may carry its source: { value: 5GiB, source: "measured" }.
rehearse: 1
name: team
extends:
${models.map((model) => `  - ../${model}`).join('\n')}
kubernetes:
  nodes:
    - { name: node-0, instance: i3en.2xlarge, zone: a }
    - { name: node-1, instance: i3en.2xlarge, zone: b }
    - { name: node-2, instance: i3en.2xlarge, zone: c }
strimzi:
  cluster: team
kafka:
  controllers: { mode: combined, active: 0 }
  brokers:
    - { id: 0, node: node-0, controller: true, diskUsed: 200GB, disk: 2.5TB, pageCache: 5GiB }
    - { id: 1, node: node-1, controller: true, diskUsed: 200GB, disk: 2.5TB, pageCache: 5GiB }
    - { id: 2, node: node-2, controller: true, diskUsed: 200GB, disk: 2.5TB, pageCache: 5GiB }
  config:
    min.insync.replicas: 2
    default.replication.factor: 3
    log.retention.hours: 8
  holdLogsAtInitialSize: true
  topics:
    - { name: orders, partitions: 24, bytesIn: 60MB/s, messagesIn: 6000/s, owner: team }
  consumerGroups:
    - { name: billing, topics: [orders], pollInterval: 100ms, owner: team }
`;

const scenario = `# yaml-language-server: $schema=../node_modules/rehearse/docs/reference/scenario.schema.json
# A change that you are about to make, and what has to hold while it is made.
rehearse: 1
title: The brokers are restarted one after another
platform: ../platforms/team.yaml
from: 2026-01-05T09:00:00Z
to: +30m
timeline:
  - { at: +2m, id: restart, do: operations.rollingRestart, brokers: [0, 1, 2] }
expect:
  - name: no send fails
    that: sum(rehearse:failed_sends_total) == 0
  - name: every partition keeps a leader
    that: kafka_controller_kafkacontroller_offlinepartitionscount == 0
    throughout: true
  - name: everything is back in sync at the end
    that: sum(kafka_server_replicamanager_underreplicatedpartitions) == 0
`;

const suite = `// What must hold of your platform, played by \`rehearse test\` (or vitest itself).
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { loadScenario, simulate } from 'rehearse';
import { arbitraryScenario, playUnderLaws } from 'rehearse/testing';
import { expect, test } from 'vitest';

// The same cases each time; without a seed every run draws new ones, and prints the seed of one that fails.
const seed = 1;

const scenarios = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));

test.each(scenarios)('%s holds what it expects', (file) => {
  const { verdict, expectations } = simulate(loadScenario(\`scenarios/\${file}\`));
  expect(expectations.filter((e) => e.verdict !== 'pass').map((e) => e.name)).toEqual([]);
  expect(verdict).toBe('pass');
});

test('a restart at any time within a quarter of an hour fails no send', () => {
  const base = loadScenario('scenarios/rolling-restart.yaml');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 900 }), (second) => {
      const text = JSON.stringify({
        rehearse: 1,
        extends: 'rolling-restart.yaml',
        timeline: [{ id: 'restart', at: \`+\${second}s\` }],
      });
      const files = new Map([...base.texts, ['scenarios/drawn.yaml', text]]);
      const { expectations } = simulate(loadScenario('scenarios/drawn.yaml', (path) => files.get(path)));
      expect(expectations.find((e) => e.name === 'no send fails').verdict).toBe('pass');
    }),
    { seed, numRuns: 10 },
  );
});

test('no random platform of three to five brokers breaks a law of Kafka', () => {
  const file = 'drawn/platform.yaml';
  fc.assert(
    fc.property(arbitraryScenario({ brokers: { min: 3, max: 5 } }), ({ text }) => {
      // What it extends lies in models/.
      const read = (path) => (path === file ? text : readFileSync(path, 'utf8'));
      const drawn = loadScenario(file, read);
      playUnderLaws(drawn, drawn.seed);
    }),
    { seed, numRuns: 5 },
  );
});
`;

const readme = (name: string) => `# ${name}

    npm install                                               # once
    npx rehearse run scenarios/rolling-restart.yaml            # what happens, and a report
    npx rehearse test                                         # everything in laws/

Describe your platform in \`platforms/team.yaml\`, each change in \`scenarios/\`, and what must always hold in \`laws/\`. \`models/\` has the numbers of
hardware, Kubernetes, Strimzi and Kafka, with their sources; to take those of a newer Rehearse, compare with \`node_modules/rehearse/models\`.
`;

/** What stands at a path, a link itself and not what it leads to; undefined where nothing does. */
function standing(path: string): 'folder' | 'other' | undefined {
  try {
    return lstatSync(path).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    // Below a file nothing stands: the file is told of by itself.
    if (['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '')) return undefined;
    throw cannotWrite(path, error);
  }
}

const cannotWrite = (path: string, error: unknown) =>
  new UsageError(
    `${path} cannot be written (${(error as { code?: string }).code ?? 'unknown'})\n  mend: name a folder that may be written`,
  );

/** Writes all files under other names beside theirs, then renames them: where one cannot be written, none is left. */
function writeAll(folder: string, files: readonly (readonly [string, string])[]): void {
  const made: string[] = [];
  let at = folder;
  try {
    for (const [path, text] of files) {
      at = join(folder, path);
      mkdirSync(dirname(at), { recursive: true });
      const temporary = `${at}.tmp-${process.pid}`;
      // One that is there already is somebody else's, and must not be removed below.
      closeSync(openSync(temporary, 'wx'));
      made.push(temporary);
      writeFileSync(temporary, text);
    }
    for (const [path] of files) {
      at = join(folder, path);
      renameSync(`${at}.tmp-${process.pid}`, at);
      made.push(at);
    }
  } catch (error) {
    for (const path of made) rmSync(path, { force: true });
    throw cannotWrite(at, error);
  }
}

/** One word of a shell, which does nothing but name a folder. */
function shellWord(path: string): string {
  const whole = path.startsWith('-') ? `./${path}` : path;
  return /^[\w./@%+=:,-]+$/.test(whole) ? whole : `'${whole.replaceAll("'", `'\\''`)}'`;
}

export const init: Command = {
  usage: '[FOLDER]',
  question: 'How do I begin with my own platform?',
  examples: ['rehearse init', 'rehearse init ../kafka-changes'],
  options: {},
  run: (given) => {
    if (given.files.length > 1) throw new UsageError('init takes one folder\n  mend: rehearse init FOLDER');
    const asked = given.files[0] ?? '.';
    // They would reach the terminal, and the commands that are printed to be copied.
    if (/\p{Cc}/u.test(asked))
      throw new UsageError(
        'the name of the folder holds control characters\n  mend: name one without line ends and escapes',
      );
    const folder = resolve(asked);
    const needed = { 'fast-check': '^4.10.2', rehearse: `^${version}`, vitest: '^5.1.1' };
    const plain =
      basename(folder)
        .toLowerCase()
        .replace(/[^a-z0-9-]+/g, '-')
        .slice(0, 100)
        .replace(/^-+|-+$/g, '') || 'platform';
    // A package that is named like one that it needs would stand in its place.
    const name = Object.hasOwn(needed, plain) ? `${plain}-laws` : plain;
    const manifest = {
      name,
      private: true,
      type: 'module',
      scripts: { test: 'rehearse test' },
      devDependencies: needed,
    };
    const files: readonly (readonly [string, string])[] = [
      ['package.json', `${JSON.stringify(manifest, null, 2)}\n`],
      ['platforms/team.yaml', platform],
      ['scenarios/rolling-restart.yaml', scenario],
      ['laws/platform.test.js', suite],
      ...models.map((model) => [model, copyOf(model)] as const),
      ['README.md', readme(name)],
    ];
    if (standing(folder) === 'other' && standing(`${folder}/.`) !== 'folder')
      throw new UsageError(`${asked} is no folder\n  mend: name another`);
    // A package.json that is there stays: it is somebody's project.
    const kept = standing(join(folder, 'package.json')) !== undefined;
    const written = files.filter(([path]) => path !== 'package.json' || !kept);
    const there = written.map(([path]) => path).filter((path) => standing(join(folder, path)) !== undefined);
    // A link in place of a folder would lead the files elsewhere.
    const parents = files.flatMap(([path]) => {
      const words = path.split('/').slice(0, -1);
      return words.map((_, i) => words.slice(0, i + 1).join('/'));
    });
    const blocked = [...new Set(parents)].filter((path) => standing(join(folder, path)) === 'other');
    if (there.length + blocked.length > 0)
      throw new UsageError(
        [
          ...(there.length > 0
            ? [
                `${there.join(', ')} would be overwritten\n  mend: name another folder, or move what is there away`,
              ]
            : []),
          ...blocked.map((path) => `${path} is no folder\n  mend: name another folder, or move it away`),
        ].join('\n'),
      );
    writeAll(folder, written);
    const where = relative(process.cwd(), folder);
    const next = [
      ...(where === '' ? [] : [`cd ${shellWord(where)}`]),
      kept ? `npm install --save-dev ${Object.keys(needed).sort().join(' ')}` : 'npm install',
      'npx rehearse run scenarios/rolling-restart.yaml',
      'npx rehearse test',
    ];
    process.stdout.write(
      `wrote ${written.map(([path]) => join(where, path)).join(', ')}${kept ? '\npackage.json was there and stays as it is' : ''}\nnext: ${next.join(' && ')}\n`,
    );
    return exitCode.yes;
  },
};
