"""Documents and papers that the remedies come from."""

FACES = '"GAN Optimization Experiments" (a face GAN made smaller by hand)'
COURSEWORK = '"Programming 5 Report" (two GANs on Fashion-MNIST)'
AE_GAN = '"AE GAN Experiments", note on learning rate'
FAILURE_MODES = 'Brownlee, "A practical guide to GAN failure modes"'
DIFFICULTIES = 'shekkizh, "Difficulties training a GAN"'
DCGAN = "Radford et al. 2016, arXiv:1511.06434"
FEATURE_MATCHING = "Salimans et al. 2016, arXiv:1606.03498, section 3.1"
PACGAN = "Lin et al. 2018, arXiv:1712.04086"
SPECTRAL_NORM = "Miyato et al. 2018, arXiv:1802.05957"
