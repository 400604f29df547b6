"""The extension."""

from __future__ import annotations

from django.db import migrations
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    """As pgvector-python tells users to write it."""

    initial = True
    operations = (VectorExtension(),)
