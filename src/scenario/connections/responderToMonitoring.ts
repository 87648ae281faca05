import { labelKey } from '../../models/monitoring/labels.ts';
import type { Monitoring } from '../../models/monitoring/monitoring.ts';
import type { AlertPort } from '../../models/operations/responder.ts';
import type { Models } from '../part.ts';
import type { Reaction } from '../reactions.ts';

/** News of the alerts that each reaction waits for; undefined without monitoring. */
export function responderToMonitoring(models: Models, reactions: readonly Reaction[]): AlertPort | undefined {
  const monitoring = models.monitoring as Monitoring | undefined;
  if (monitoring === undefined) return undefined;
  return {
    listen(kind, row, listener) {
      const { alert, matchers } = reactions[row];
      monitoring.listen(kind, { alert, matchers }, ({ labels, person }) => {
        listener({ key: labelKey(labels), person });
      });
    },
  };
}
