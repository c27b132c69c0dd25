"""LRRNet: each image becomes a low-rank and a sparse part by an unrolled shrinkage algorithm; their sums are decoded.

H. Li et al., "LRRNet: A novel representation learning guided fusion framework for infrared and visible images", IEEE
Transactions on Pattern Analysis and Machine Intelligence 45(9), 2023.

The parts have 256 coefficients per pixel, 315 MB for an image of 480x640, while everything that passes between pixels
has one channel. Convolutions from or to one channel and elementwise steps keep a CPU waiting for memory: 24 s of CPU
time on one thread, 16 of them for memory that is freed and fetched anew at each step, or 8 s where it is kept
(`base.keep_freed_memory`). Here some pixels at a time go through a whole iteration, two matrix products and the
shrinkage, while their coefficients are in the cache: 1.6 s in the same run.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load, reflect_conv

DIM = 128
BLOCKS = 4
PIXELS = 1024  # at a time, so that their coefficients stay in the cache
EPSILON = 1e-5


def stretch(image: Tensor) -> Tensor:
    """Stretch each image from its minimum and maximum to [0, 1], on grey levels, as the authors do it."""
    image = 255 * image
    low, high = image.amin(dim=(1, 2, 3), keepdim=True), image.amax(dim=(1, 2, 3), keepdim=True)
    return (image - low) / (high - low + EPSILON)


def mirror(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode="reflect")


def neighbourhoods(image: Tensor) -> Tensor:
    """(1, 1, H, W) to (H W, 10): the 3x3 pixels around each pixel, and 1 for the bias."""
    columns = F.unfold(mirror(image), 3)[0]
    return torch.cat((columns, torch.ones_like(columns[:1]))).t().contiguous()


def from_neighbourhoods(conv: nn.Conv2d) -> Tensor:
    """The weights and biases of a convolution of one channel, (10, C): `neighbourhoods(x) @ it` is the convolution."""
    return torch.cat((conv.weight.flatten(1), conv.bias[:, None]), dim=1).t().contiguous()


def products(conv: nn.Conv2d) -> Tensor:
    """The weights of a convolution to one channel, (9, C): what each place of its kernel takes from a pixel."""
    return conv.weight[0].flatten(1).t().contiguous()


def gather(conv: nn.Conv2d, products: Tensor) -> Tensor:
    """The convolution to one channel, (1, 1, H, W), from its products with each pixel, (9, H, W)."""
    height, width = products.shape[1:]
    places = mirror(products[None])[0]
    rows = (places[i, i // 3 : i // 3 + height, i % 3 : i % 3 + width] for i in range(9))
    return (sum(rows) + conv.bias.view(1, 1))[None, None]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_Wdz = reflect_conv(2 * DIM, 1)
        self.conv_Wdtz = reflect_conv(1, 2 * DIM)


class Decomposition(nn.Module):
    """A first estimate of the coefficients z, then z = shrink(lamz z + W' (x - W z)) in each block."""

    def __init__(self):
        super().__init__()
        self.conv_W00 = reflect_conv(1, 2 * DIM)
        self.lamj = nn.Parameter(torch.zeros(1, 2 * DIM))
        self.lamz = nn.Parameter(torch.zeros(1, 1))
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))

    def shrink(self, z: Tensor) -> Tensor:
        """Shrink z in place. Some thresholds of the published weights are negative."""
        sign = z.sign()
        return z.abs_().sub_(self.lamj).clamp_(min=0).mul_(sign)

    def forward(self, x: Tensor, low: nn.Conv2d, sparse: nn.Conv2d) -> tuple[Tensor, Tensor]:
        """Split (1, 1, H, W). Returns its low-rank part convolved by `low`, and its sparse part by `sparse`."""
        height, width = x.shape[-2:]
        size = height * width
        z = x.new_empty(size, 2 * DIM)
        step = PIXELS if x.device.type == "cpu" else size
        after = [self.conv_W00, *(block.conv_Wdtz for block in self.blocks)]
        before = [products(block.conv_Wdz) for block in self.blocks]
        before.append(torch.block_diag(products(low), products(sparse)))
        rest = x
        for index, (conv, project) in enumerate(zip(after, before)):
            columns, weight = neighbourhoods(rest), from_neighbourhoods(conv)
            found = x.new_empty(len(project), size)
            keep = float(self.lamz) if index else 0.0
            for start in range(0, size, step):
                pixels = slice(start, start + step)
                part = z[pixels]
                self.shrink(torch.addmm(part, columns[pixels], weight, beta=keep, out=part))
                found[:, pixels] = project @ part.t()
            found = found.view(-1, height, width)
            if index < BLOCKS:
                rest = x - gather(self.blocks[index].conv_Wdz, found)
        return gather(low, found[:9]), gather(sparse, found[9:])


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_ReZx, self.conv_ReUx = reflect_conv(DIM, 1), reflect_conv(DIM, 1)
        self.conv_ReZy, self.conv_ReUy = reflect_conv(DIM, 1), reflect_conv(DIM, 1)
        self.conv_ReL, self.conv_ReH = reflect_conv(2, 1), reflect_conv(2, 1)


class Network(nn.Module):
    """ir, vis (B, 1, H, W), stretched to [0, 1], to (B, 1, H, W), about 0..1."""

    def __init__(self):
        super().__init__()
        self.get_ls1, self.get_ls2 = Decomposition(), Decomposition()
        self.decoder = Decoder()

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        return torch.cat([self.fuse_one(a[None], b[None]) for a, b in zip(ir, vis)])

    def fuse_one(self, ir: Tensor, vis: Tensor) -> Tensor:
        decoder = self.decoder
        ir_low, ir_sparse = self.get_ls1(ir, decoder.conv_ReZx, decoder.conv_ReUx)
        vis_low, vis_sparse = self.get_ls2(vis, decoder.conv_ReZy, decoder.conv_ReUy)
        low = decoder.conv_ReL(torch.cat((ir_low, vis_low), dim=1))
        return low + decoder.conv_ReH(torch.cat((ir_sparse, vis_sparse), dim=1))


class LRRNet(NetworkFuser):
    card = MethodCard(
        name="lrrnet",
        title="LRRNet",
        family="learned",
        year=2023,
        citation="H. Li et al., LRRNet: A novel representation learning guided fusion framework for infrared and "
        "visible images, IEEE Transactions on Pattern Analysis and Machine Intelligence 45(9), 2023, pp. 11040-11052",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/hli1221/imagefusion-LRRNet/tree/e489fc325ea6acb9b7327b1de2c0cc4a09172ba4",
        tasks=("ivf",),
        trained_on="KAIST",
        parameters=49_204,
        flops=32_737_689_600,
        input_convention="luminance, each image stretched from its minimum and maximum to [0, 1]",
        output_convention="unbounded; the authors stretch each image on saving",
        notes="FLOPs as computed here; 28 GFLOP as convolutions",
        stretch=True,
        truncate=True,
        agreement="authors' network on two real crops: within 1e-6 of scale; 13 images in the authors' "
        "repository, whose pairs are in the data set tno: mean difference 0.0001 grey levels, none above 1",
        checkpoints={
            "final_lrr_net_lam2_1.5_wir_3.0_lam3_gram_2000_epoch_4_block_4.model": (
                "1de9dd8dee9b650ce69c74ea53e3b9a6b749222f1059a689aabf28f68ee63e29"
            )
        },
    )
    reach = 11

    def build(self, checkpoint):
        names = {f"lrrblock{i}.": f"blocks.{i}." for i in range(BLOCKS)} | {"conv2d.": ""}
        return load(Network(), load_state(checkpoint), names)

    def prepare(self, ir, vis):
        return stretch(ir), stretch(vis)
