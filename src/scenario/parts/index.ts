import type { AnyPart } from '../part.ts';
import { batchPart } from './batch.ts';
import { connectPart } from './connect.ts';
import { cruiseControlPart } from './cruiseControl.ts';
import { faultsPart } from './faults.ts';
import { hardwarePart } from './hardware.ts';
import { jvmPart } from './jvm.ts';
import { kafkaPart } from './kafka.ts';
import { kubernetesPart } from './kubernetes.ts';
import { meshPart } from './mesh.ts';
import { monitoringPart } from './monitoring.ts';
import { operationsPart } from './operations.ts';
import { responderPart } from './responder.ts';
import { schemaRegistryPart } from './schemaRegistry.ts';
import { strimziPart } from './strimzi.ts';
import { workloadPart } from './workload.ts';

/** Every subsystem that a scenario can speak of, in the order in which they are made. */
export const parts: readonly AnyPart[] = [
  workloadPart,
  hardwarePart,
  kafkaPart,
  kubernetesPart,
  batchPart,
  operationsPart,
  strimziPart,
  cruiseControlPart,
  jvmPart,
  connectPart,
  schemaRegistryPart,
  meshPart,
  faultsPart,
  monitoringPart,
  responderPart,
] as unknown as readonly AnyPart[];
