"""What do people see? Pages for buying and managing a plan; a cookie says who is there."""

from apiflask import APIBlueprint

from billing.identity.browsers import PAGES
from billing.pages import faults, forms, frame, words
from billing.pages.account import account
from billing.pages.changes import changes
from billing.pages.checkout import checkout
from billing.pages.pricing import pricing
from billing.pages.signing_in import signing_in
from billing.pages.upgrade import upgrade

pages = APIBlueprint(PAGES, __name__, template_folder="templates", enable_openapi=False)
pages.before_request(forms.refuse_foreign)
pages.after_request(frame.protect)
pages.after_request(forms.remember)
pages.context_processor(frame.context)
pages.register_error_handler(Exception, faults.show)
words.init_app(pages)
for resource in (signing_in, pricing, checkout, account, changes, upgrade):
    pages.register_blueprint(resource)
