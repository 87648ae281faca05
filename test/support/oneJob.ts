/** A scenario of one job in one container on one node, with a limit of 8 GiB; its only phase needs so much, and more by its records. */
export const oneJob = (needs: string, program: object, memory: object) => ({
  rehearse: 1,
  title: 'one job',
  extends: ['models/hardware/aws-ec2.yaml', 'models/kubernetes/kubernetes-1.30.yaml'],
  from: '2025-01-01T00:00:00Z',
  to: '+5m',
  kubernetes: {
    nodes: [{ name: 'n', instance: 'r6i.2xlarge', zone: 'a' }],
    workloads: [
      {
        name: 'w',
        kind: 'Deployment',
        template: {
          labels: { app: 'w' },
          containers: [
            {
              name: 'c',
              resources: {
                requests: { memory: '1Gi', cpu: '1 cores' },
                limits: { memory: '8GiB', cpu: '4 cores' },
              },
              memory: { job: '100MiB' },
            },
          ],
        },
      },
    ],
  },
  batch: {
    programs: [
      {
        name: 'p',
        memory: { fixed: needs },
        ...program,
        phases: [{ name: 'one', duration: { fixed: '60s' }, memory }],
      },
    ],
    jobs: [{ name: 'j', program: 'p', workload: 'w', records: 1000 }],
  },
  timeline: [{ at: '+60s', id: 'due', do: 'batch.run', job: 'j' }],
  expect: [{ name: 'not killed', that: 'sum(rehearse:job_runs_killed_total) == 0' }],
});
