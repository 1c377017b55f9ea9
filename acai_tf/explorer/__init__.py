"""A page, served on this machine, to explore the latent spaces of exported models in.

    space.py        one model's latents of the test images: principal axes, maps, a mixture of Gaussians
    background.py   what takes long, in a process of its own
    scenes.py       what the page asks for, as latents [rows, columns, ...] and as files to download
    application.py  the answers to HTTP requests, and the refusals
    server.py       sockets, signals, the beginning and the end
    static/         the page: plain HTML, CSS and JavaScript
"""
