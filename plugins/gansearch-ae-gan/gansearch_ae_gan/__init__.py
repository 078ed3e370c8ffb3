"""AE-GAN: an autoencoder that learns to reconstruct and, as the generator of a GAN, to convince."""
