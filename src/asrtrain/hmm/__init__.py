"""Hidden Markov models: state graphs, Gaussian mixtures, forward-backward, Viterbi, re-estimation.

Recognisers made of them are chosen by one name for encoder and head.
"""

from asrtrain.heads.interface import HeadConfig, RecogniserConfig
from asrtrain.hmm.dnn_hmm import DNNHMMConfig
from asrtrain.hmm.gmm_hmm import GMMHMMConfig
from asrtrain.hmm.lf_mmi import LFMMIConfig

HMMS: dict[str, type[RecogniserConfig]] = {"gmm_hmm": GMMHMMConfig, "dnn_hmm": DNNHMMConfig}
HMM_HEADS: dict[str, type[HeadConfig]] = {"lf_mmi": LFMMIConfig}

__all__ = ["HMMS", "HMM_HEADS"]
