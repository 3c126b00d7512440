from django.contrib import admin
from django.http import JsonResponse
from django.urls import path

from .models import Book


def books(request):
    listed = Book.objects.order_by("title").values_list("title", "author__name")
    return JsonResponse({"books": [list(row) for row in listed]})


urlpatterns = [path("admin/", admin.site.urls), path("books/", books)]
