"""Hidden Markov models: state graphs, Gaussian mixtures, forward-backward, Viterbi, re-estimation.

Recognisers made of them stand beside the acoustic models of ``asrtrain.models`` in a configuration.
"""

from asrtrain.hmm.baum_welch import BaumWelch
from asrtrain.hmm.dnn_hmm import DNNHMM, DNNHMMConfig
from asrtrain.hmm.gmm_hmm import GMMHMM, GMMHMMConfig
from asrtrain.hmm.interface import HMMConfig, HMMModel
from asrtrain.hmm.lf_mmi import LFMMI, LFMMIConfig
from asrtrain.hmm.topology import TopologyConfig

HMMS: dict[str, type[HMMConfig]] = {"gmm_hmm": GMMHMMConfig, "dnn_hmm": DNNHMMConfig}

__all__ = [
    "DNNHMM",
    "GMMHMM",
    "HMMS",
    "LFMMI",
    "BaumWelch",
    "DNNHMMConfig",
    "GMMHMMConfig",
    "HMMConfig",
    "HMMModel",
    "LFMMIConfig",
    "TopologyConfig",
]
