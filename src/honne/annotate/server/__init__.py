"""The web application where people label: one process, FastAPI over the store, pages that work without scripts.

How a router is written here (`app.py` includes every one):

    router = APIRouter()

    @router.get("/projects/{project_id}/label")
    def show(request: Request, member: Annotated[Member, Depends(member("annotator"))]) -> Response:
        with database(request).read() as s:
            ...
        return page(request, "label.html", task=task)                  # visitor, lang, t, csrf and tabs are there

    @router.post("/projects/{project_id}/label")
    def submit(request: Request, member: …, form: Annotated[FormData, Depends(form)]) -> Response:
        database(request).write(lambda s: ...)
        return see(f"/projects/{member.project_id}/label")             # 303

Every route asks for a signed-in visitor (unless marked `@public`) and every POST for the form's token (`csrf` field or
`X-CSRF-Token` header), before its own code runs: both are dependencies of the whole application, not of a route.
"""
