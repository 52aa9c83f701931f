"""Whether two versions of asrtrain train the same recognisers: small corpora, runs of each version, what differs."""
