"""The architectures, one file each, in reading order: mlp, lenet, alexnet, resnet; sampling,
recurrent_lm, transformer, gpt; generative, autoencoder, vae, gan, dcgan, noise_predictor,
diffusion; contrastive; policy_value, tree_search, self_play; dqn, policy_gradient; spiking.

    from dlcourse.architectures import GPT
    model = GPT(vocab=96, context=64, embed_dim=128, num_heads=4, num_layers=4, seed=0)

The models stand here by name. What belongs to one of them, such as its losses and its step by step
training, is in its file: `dlcourse.architectures.gan.generator_loss`.
"""

from dlcourse.architectures.alexnet import AlexNet, AlexNetSettings, SmallAlexNet, alexnet_plan
from dlcourse.architectures.autoencoder import Autoencoder, DenoisingAutoencoder
from dlcourse.architectures.contrastive import ImageEncoder, ImageTextPair, TextEncoder
from dlcourse.architectures.dcgan import ConvDiscriminator, ConvGenerator
from dlcourse.architectures.diffusion import Diffusion
from dlcourse.architectures.dqn import DQN
from dlcourse.architectures.gan import GAN, Discriminator, Generator
from dlcourse.architectures.gpt import GPT
from dlcourse.architectures.lenet import LeNet5
from dlcourse.architectures.mlp import MLP
from dlcourse.architectures.noise_predictor import NoisePredictor
from dlcourse.architectures.policy_gradient import Policy
from dlcourse.architectures.policy_value import PolicyValueNet
from dlcourse.architectures.recurrent_lm import LSTMLanguageModel, RNNLanguageModel
from dlcourse.architectures.resnet import BasicBlock, ResNet
from dlcourse.architectures.spiking import LIF, SpikingNet
from dlcourse.architectures.transformer import Transformer, TransformerDecoder, TransformerEncoder
from dlcourse.architectures.tree_search import TreeSearch
from dlcourse.architectures.vae import VAE

__all__ = [
    "DQN",
    "GAN",
    "GPT",
    "LIF",
    "MLP",
    "VAE",
    "AlexNet",
    "AlexNetSettings",
    "Autoencoder",
    "BasicBlock",
    "ConvDiscriminator",
    "ConvGenerator",
    "DenoisingAutoencoder",
    "Diffusion",
    "Discriminator",
    "Generator",
    "ImageEncoder",
    "ImageTextPair",
    "LSTMLanguageModel",
    "LeNet5",
    "NoisePredictor",
    "Policy",
    "PolicyValueNet",
    "RNNLanguageModel",
    "ResNet",
    "SmallAlexNet",
    "SpikingNet",
    "TextEncoder",
    "Transformer",
    "TransformerDecoder",
    "TransformerEncoder",
    "TreeSearch",
    "alexnet_plan",
]
