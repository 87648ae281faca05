import type { Catalogue } from '../../engine/catalogue.ts';

export const strimziCatalogue: Catalogue = {
  metrics: [],
  events: [
    { name: 'strimzi.reconciliation', lane: 'operator', says: 'the operator reconciles: {detail}' },
    { name: 'strimzi.roll', lane: '{subject}', says: 'the operator rolls {subject}: {detail}' },
    { name: 'strimzi.rollDelayed', lane: '{subject}', says: 'the roll of {subject} waits: {detail}' },
    {
      name: 'strimzi.rollFailed',
      lane: '{subject}',
      says: 'the roll of {subject} is given up in this reconciliation: {detail}',
    },
    { name: 'strimzi.rollAborted', lane: 'operator', says: 'the reconciliation is aborted: {detail}' },
    { name: 'strimzi.rolled', lane: 'operator', says: '{detail}' },
    { name: 'strimzi.nothingToRoll', lane: 'operator', says: 'nothing to roll: {detail}' },
  ],
  risks: [],
  panels: [],
};
