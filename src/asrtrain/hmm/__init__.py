"""Hidden Markov models: state graphs, Gaussian mixtures, forward-backward, Viterbi, re-estimation."""
