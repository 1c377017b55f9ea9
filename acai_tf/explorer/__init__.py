"""A local web page for exploring the latent spaces of exported models.

    space.py        one model's latents of the test images: principal axes, maps, a mixture of Gaussians
    background.py   slow computations in a separate process
    scenes.py       scenes that the page requests, as latents [rows, columns, ...] and as files to download
    application.py  responses to HTTP requests, including refusals
    server.py       sockets, signals, start and end
    static/         the page: plain HTML, CSS and JavaScript
"""
