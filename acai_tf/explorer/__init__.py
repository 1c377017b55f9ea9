"""A local web page for exploring the latent spaces of exported models.

    space.py        one model's latents of the test images: principal axes, maps, a mixture of Gaussians
    background.py   the slow computations, in a process of their own
    scenes.py       scenes, which the page asks for, as latents [rows, columns, ...] and as files to download
    application.py  the answers to HTTP requests, and the refusals
    server.py       sockets, signals, the beginning and the end
    static/         the page: plain HTML, CSS and JavaScript
"""
