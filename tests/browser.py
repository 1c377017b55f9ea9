"""Pages in a headless browser, for tests."""

import base64
import json
import shutil
import time
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf

try:
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = ActionChains = Keys = None
_BROWSER = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
_DRIVER = shutil.which('chromedriver')
MISSING = ("selenium is not installed: pip install '.[browser]'" if webdriver is None else
            None if _BROWSER and _DRIVER else 'there is no browser: apt-get install chromium chromium-driver')
_SECONDS = 60


def start(downloads):
    """A headless Chromium, Debian's or another."""
    options = webdriver.ChromeOptions()
    options.binary_location = _BROWSER
    # Root has no sandbox; in containers, /dev/shm is small.
    for argument in ('--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu',
                     '--window-size=1280,1400'):
        options.add_argument(argument)
    options.add_experimental_option('prefs', {'download.default_directory': downloads})
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))


class PageTestCase(tf.test.TestCase):
    """Operates the page at `url` in `browser`, which a subclass sets."""

    def open(self, state=''):
        self.browser.get('about:blank')
        self.browser.get(f'{self.url}#{state}')
        self.wait(lambda: self.script('return document.body.dataset.ready'))

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def find(self, selector):
        return self.browser.find_element('css selector', selector)

    def all(self, selector):
        return self.browser.find_elements('css selector', selector)

    def wait(self, condition):
        deadline = time.monotonic() + _SECONDS
        while not (result := condition()):
            self.assertLess(time.monotonic(), deadline, 'the page does not get there')
            time.sleep(0.02)
        return result

    def pixels(self, selector, which=0):
        """Returns the gray pixels of a canvas, uint8 [h, w]."""
        answer = self.script('''
            const canvas = document.querySelectorAll(arguments[0])[arguments[1]], {width, height} = canvas;
            const copy = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
            copy.drawImage(canvas, 0, 0);
            const data = copy.getImageData(0, 0, width, height).data;
            let text = '';
            for (let k = 0; k < data.length; k += 4) text += String.fromCharCode(data[k]);
            return [btoa(text), width, height];''', selector, which)
        return np.frombuffer(base64.b64decode(answer[0]), np.uint8).reshape(answer[2], answer[1])

    def shown_at(self, selector='.large'):
        return self.script('return document.querySelector(arguments[0]).dataset.at', selector)

    def settled(self):
        """Returns the position of the slider, once its picture is shown."""
        self.wait(lambda: self.shown_at() == self.script('return document.getElementById("at").value'))
        return float(self.shown_at())

    def choose(self, *numbers):
        for number in numbers:
            self.find(f'#strip [data-number="{number}"]').click()

    def emulate(self, command, **parameters):
        """Sends a command of the DevTools protocol that holds until the end of the test."""
        self.browser.execute_cdp_cmd(f'Emulation.{command}', parameters)
        undone = {'setEmulatedMedia': ('setEmulatedMedia', {'features': []}),
                  'setDeviceMetricsOverride': ('clearDeviceMetricsOverride', {})}[command]
        self.addCleanup(self.browser.execute_cdp_cmd, f'Emulation.{undone[0]}', undone[1])

    def make_width(self, width):
        self.emulate('setDeviceMetricsOverride', width=width, height=1400, deviceScaleFactor=1, mobile=False)

    def requests(self, seconds=0):
        """Returns the paths that the page has requested since the last call, after waiting for some seconds."""
        time.sleep(seconds)
        events = [json.loads(entry['message'])['message'] for entry in self.browser.get_log('performance')]
        return [urlsplit(event['params']['request']['url']).path for event in events
                if event['method'] == 'Network.requestWillBeSent']

    def drop(self, *files):
        """Drops pairs of a name and bytes on the page."""
        self.script('''
            const data = new DataTransfer();
            for (const [name, content] of arguments[0]) {
              data.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name));
            }
            document.getElementById('chosen').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}));
        ''', [(name, base64.b64encode(content).decode()) for name, content in files])

    def refusals(self):
        """Returns the browser's messages about failed requests since the last call."""
        return [entry['message'] for entry in self.browser.get_log('browser')]

    def address(self):
        time.sleep(0.3)  # it is updated with a delay
        return self.browser.current_url.split('#')[1]

    def keys(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def tab_to(self, selector):
        for _ in range(40):
            if self.script('return document.activeElement.matches(arguments[0])', selector):
                return
            self.keys(Keys.TAB)
        self.fail(f'{selector} is not reached by the tab key')
