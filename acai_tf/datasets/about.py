"""Descriptions of registered data sets for model cards. Cards describe other data sets by their attributes."""

from typing import NamedTuple


class About(NamedTuple):
    """Description of some data."""
    text: str  # a sentence or two: content, authors, terms of use
    hub: str | None = None  # the data set's name on the Hugging Face hub, if its authors published it there
    not_for: str = ''  # a sentence on further uses that models of it must not be put to


ABOUT = {
    'lines32': About('White lines at random angles, drawn by a formula (ACAI, section 3.1).'),
    'stripes32': About('Sinusoidal stripes of 100 frequencies at 100 angles, drawn by a formula (MIDR-AE, section 5.2).'),
    'stripes32-code': About('Sinusoidal stripes of random frequency and angle, drawn by a formula (released code of '
                            'MIDR-AE).'),
    'digits32': About("Scikit-learn's 1,797 handwritten digits, from the UCI Machine Learning Repository (Alpaydin and "
                      'Kaynak, 1998), enlarged from 8x8.'),
    'pole64': About('The shadow of a pole by the direction of the light, drawn by a formula (after AEAI, section 4.1).'),
    'mnist32': About('MNIST: handwritten digits (LeCun, Cortes and Burges).', 'ylecun/mnist'),
    'fashion32': About("Fashion-MNIST: gray pictures of articles from Zalando's shop (Xiao, Rasul and Vollgraf, 2017; MIT "
                       'license).', 'zalando-datasets/fashion_mnist'),
    'svhn32': About('SVHN: house numbers cropped from Google Street View (Netzer et al., 2011), which its authors '
                    'release for non-commercial use only.', 'ufldl-stanford/svhn'),
    'cifar10': About('CIFAR-10: small photographs of ten kinds of things (Krizhevsky, 2009).', 'uoft-cs/cifar10'),
    'celeba32': About('CelebA: faces of celebrities, collected from the web (Liu et al., 2015), which its authors '
                      'release for non-commercial research only.', None,
                      'Not for recognizing, judging or imitating people: the images show real people, who did not consent '
                      'and do not represent everyone.'),
    'coil100': About('COIL-100: 100 objects, photographed on a turntable every 5 degrees (Nene, Nayar and Murase, 1996).'),
}
