"""From utterances to batches: sampling, a cache of waveforms and features, and loading."""
