/** Values of a batch, whose mean counts as one. */
const batchSize = 5;
/** So many batches at the end are no place for a cut: too few are left to say how they spread. */
const leastBatches = 5;

/**
 * How many values at the beginning belong to the way into a steady state: MSER-5. Of the means of batches of five values those are left out without which the rest has the least estimated standard
 * error, sum of squares over the square of their number.
 *
 * Source: K. P. White, "An effective truncation heuristic for bias reduction in simulation output" (1997); S. C. Spratt, "Heuristics for the startup problem" (1998); the last five batches are
 * no candidates: K. Hoad, S. Robinson and R. Davies, "Automating warm-up length estimation" (2010).
 * @returns values to leave out, a multiple of five; undefined where the best cut leaves less than half: there is no steady state, or too little of it
 */
export function mser5(values: readonly number[]): number | undefined {
  const count = Math.floor(values.length / batchSize);
  if (count < 2 * leastBatches) return undefined;
  const means = Array.from({ length: count }, (_, b) => {
    let sum = 0;
    for (let i = 0; i < batchSize; i += 1) sum += values[b * batchSize + i]!;
    return sum / batchSize;
  });
  // Welford's running mean and squares, from the end on.
  let [mean, squares, best, cut] = [0, 0, Number.POSITIVE_INFINITY, 0];
  for (let b = count - 1; b >= 0; b -= 1) {
    const n = count - b;
    const apart = means[b]! - mean;
    mean += apart / n;
    squares += apart * (means[b]! - mean);
    const error = squares / (n * n);
    // Of equal ones the earliest: what is constant needs no cut.
    if (n >= leastBatches && error <= best) [best, cut] = [error, b];
  }
  return 2 * cut > count ? undefined : cut * batchSize;
}
