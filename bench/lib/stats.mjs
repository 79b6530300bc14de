/** The value below which a share of the sorted samples lies, interpolated. */
export function quantile(samples, share) {
  const sorted = samples.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const low = sorted[Math.floor(position)]
  return low + (sorted[Math.ceil(position)] - low) * (position - Math.floor(position))
}

export const median = (samples) => quantile(samples, 0.5)

/** The middle half of the samples. */
export const spread = (samples) => [quantile(samples, 0.25), quantile(samples, 0.75)]
