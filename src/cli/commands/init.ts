import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { exitCode, UsageError } from '../exitCodes.ts';
import { writeWhole } from '../files.ts';
import { type Command, version } from '../verbs.ts';

const models = '../node_modules/rehearse/models';

const platform = `# yaml-language-server: $schema=../node_modules/rehearse/docs/reference/platform.schema.json
# Your platform: three brokers on nodes of their own. Every number may carry its source: { value: 5GiB, source: "measured" }.
rehearse: 1
name: team
extends:
  - ${models}/hardware/aws-ec2.yaml
  - ${models}/kubernetes/kubernetes-1.30.yaml
  - ${models}/strimzi/strimzi-0.42.yaml
  - ${models}/kafka/kafka-3.7.yaml
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
    { numRuns: 10 },
  );
});

test('no random platform of three to five brokers breaks a law of Kafka', () => {
  const file = 'drawn/platform.yaml';
  fc.assert(
    fc.property(arbitraryScenario({ brokers: { min: 3, max: 5 } }), ({ text }) => {
      // What it extends comes from the package.
      const read = (path) => (path === file ? text : readFileSync(\`node_modules/rehearse/\${path}\`, 'utf8'));
      const drawn = loadScenario(file, read);
      playUnderLaws(drawn, drawn.seed);
    }),
    { numRuns: 5 },
  );
});
`;

const readme = (name: string) => `# ${name}

    npm install                                               # once
    npx rehearse run scenarios/rolling-restart.yaml            # what happens, and a report
    npx rehearse test                                         # everything in laws/

Describe your platform in \`platforms/team.yaml\`, each change in \`scenarios/\`, and what must always hold in \`laws/\`.
`;

export const init: Command = {
  usage: '[FOLDER]',
  question: 'How do I begin with my own platform?',
  examples: ['rehearse init', 'rehearse init ../kafka-changes'],
  options: {},
  run: (given) => {
    if (given.files.length > 1) throw new UsageError('init takes one folder\n  mend: rehearse init FOLDER');
    const folder = resolve(given.files[0] ?? '.');
    const name =
      basename(folder)
        .toLowerCase()
        .replace(/[^a-z0-9-]+/g, '-')
        .replace(/^-+|-+$/g, '') || 'platform';
    const manifest = {
      name,
      private: true,
      type: 'module',
      scripts: { test: 'rehearse test' },
      devDependencies: { 'fast-check': '^4.10.2', rehearse: `^${version}`, vitest: '^5.1.1' },
    };
    const files: readonly (readonly [string, string])[] = [
      ['package.json', `${JSON.stringify(manifest, null, 2)}\n`],
      ['platforms/team.yaml', platform],
      ['scenarios/rolling-restart.yaml', scenario],
      ['laws/platform.test.js', suite],
      ['README.md', readme(name)],
    ];
    // A package.json that is there stays: it is somebody's project.
    const written = files.filter(([path]) => path !== 'package.json' || !existsSync(join(folder, path)));
    const there = written.map(([path]) => path).filter((path) => existsSync(join(folder, path)));
    if (there.length > 0)
      throw new UsageError(`${there.join(', ')} exist already\n  mend: name another folder, or remove them`);
    for (const [path, text] of written) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeWhole(join(folder, path), text);
    }
    const where = relative(process.cwd(), folder);
    const kept =
      written.length < files.length
        ? '\npackage.json was there: it needs fast-check, rehearse and vitest, and "type": "module"'
        : '';
    process.stdout.write(
      `wrote ${written.map(([path]) => join(where, path)).join(', ')}${kept}\nnext: ${where === '' ? '' : `cd ${where} && `}npm install && npx rehearse run scenarios/rolling-restart.yaml && npx rehearse test\n`,
    );
    return exitCode.yes;
  },
};
